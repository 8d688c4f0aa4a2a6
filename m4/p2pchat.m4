dnl What configure.ac is written in: flags that the compiler may not know, and packages by their
dnl Debian names.

dnl P2PCHAT_COMPILE_FLAGS(VARIABLE, FLAGS, [PROGRAM-TEXT])
dnl Appends to VARIABLE each of FLAGS that the compiler takes without a word.
AC_DEFUN([P2PCHAT_COMPILE_FLAGS], [
  for p2pchat_flag in $2; do
    P2PCHAT_TRY_FLAG([$1], [COMPILE], [CFLAGS], [$3])
  done
])

dnl P2PCHAT_PREPROCESSOR_FLAGS(VARIABLE, FLAGS)
dnl The same for flags that change what CPPFLAGS say, and so stand behind these.
AC_DEFUN([P2PCHAT_PREPROCESSOR_FLAGS], [
  for p2pchat_flag in $2; do
    P2PCHAT_TRY_FLAG([$1], [COMPILE], [CPPFLAGS])
  done
])

dnl P2PCHAT_LINK_FLAGS(VARIABLE, FLAGS)
dnl The same for flags of the link step.
AC_DEFUN([P2PCHAT_LINK_FLAGS], [
  for p2pchat_flag in $2; do
    P2PCHAT_TRY_FLAG([$1], [LINK], [LDFLAGS])
  done
])

dnl P2PCHAT_TRY_FLAG(VARIABLE, COMPILE or LINK, VARIABLE OF FLAGS, [PROGRAM-TEXT])
AC_DEFUN([P2PCHAT_TRY_FLAG], [
  AS_VAR_PUSHDEF([p2pchat_works], [p2pchat_cv_$2_$p2pchat_flag])
  AC_CACHE_CHECK([whether $CC takes $p2pchat_flag], [p2pchat_works], [
    p2pchat_saved=$$3
    $3="$$3 -Werror $p2pchat_flag"
    AC_$2_IFELSE([m4_default([$4], [AC_LANG_PROGRAM([[#include <string.h>]])])],
      [AS_VAR_SET([p2pchat_works], [yes])], [AS_VAR_SET([p2pchat_works], [no])])
    $3=$p2pchat_saved
  ])
  AS_VAR_IF([p2pchat_works], [yes], [AS_VAR_APPEND([$1], [" $p2pchat_flag"])])
  AS_VAR_POPDEF([p2pchat_works])
])

dnl P2PCHAT_NEED_LIBRARY(VARIABLE-PREFIX, PKG-CONFIG-MODULES, DEBIAN-PACKAGE)
dnl As PKG_CHECK_MODULES, but what is missing is said by P2PCHAT_SAY_MISSING.
AC_DEFUN([P2PCHAT_NEED_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$2], [], [p2pchat_missing="$p2pchat_missing $3"])
])

dnl P2PCHAT_NEED_HEADER(HEADER, DEBIAN-PACKAGE)
AC_DEFUN([P2PCHAT_NEED_HEADER], [
  AC_CHECK_HEADER([$1], [], [p2pchat_missing="$p2pchat_missing $2"], [AC_INCLUDES_DEFAULT])
])

dnl P2PCHAT_NEED_PROGRAM(VARIABLE, PROGRAM, DEBIAN-PACKAGE)
AC_DEFUN([P2PCHAT_NEED_PROGRAM], [
  AC_PATH_PROG([$1], [$2])
  AS_VAR_IF([$1], [''], [p2pchat_missing="$p2pchat_missing $3"])
])

dnl P2PCHAT_SAY_MISSING
dnl Ends configure when something that was needed is not there, with the one command that helps.
AC_DEFUN([P2PCHAT_SAY_MISSING], [
  AS_IF([test -n "$p2pchat_missing"], [
    AC_MSG_ERROR([these Debian packages are missing or too old; install them with

    apt-get install$p2pchat_missing
])
  ])
])
