/* The u coordinates of the points of low order on Curve25519 and its twist, as X25519 public keys:
 * whoever sends one knows the shared secret beforehand. From https://cr.yp.to/ecdh.html#validate;
 * of those there, the ones below 2^255. */
#ifndef P2PCHAT_TESTS_UNIT_LOW_ORDER_H
#define P2PCHAT_TESTS_UNIT_LOW_ORDER_H

static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

enum { LOW_ORDER_COUNT = sizeof low_order / sizeof low_order[0] };

#endif
