/* What a tracker's work is held against: how often a second one processor parses and prints a
 * message of JSON with cJSON, or verifies an Ed25519 signature with libsodium.
 * Usage: floor_tracker json|verify BYTES, BYTES being what is signed. Prints the rate. */
#include <cjson/cJSON.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

enum { MESSAGES = 100000, SIGNATURES = 8000, SIGNED_MAX = 4096 };

/* About 250 bytes, as peers say them to each other. */
static const char message[] =
    "{\"msgtype\":\"CHAT_MESSAGE\",\"msgdata\":{\"epoch\":\"5f0c2a7be11d4f60\",\"number\":12345,"
    "\"time\":1732276517123,\"text\":\"The backup of the second server took twice as long as it "
    "did "
    "yesterday; shall I look at its disks before it gets dark, or will you?\"}}";

static double parse_and_print(void)
{
    double start = bench_seconds();

    for (int i = 0; i < MESSAGES; i++) {
        cJSON *json = cJSON_ParseWithLength(message, sizeof message - 1);
        char *text = cJSON_PrintUnformatted(json);
        free(text);
        cJSON_Delete(json);
    }
    return MESSAGES / (bench_seconds() - start);
}

static double verify(size_t length)
{
    unsigned char public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    unsigned char text[SIGNED_MAX], signature[crypto_sign_BYTES];

    if (sodium_init() < 0 || length > sizeof text)
        bench_die("libsodium");
    crypto_sign_keypair(public, secret);
    randombytes_buf(text, length);
    crypto_sign_detached(signature, NULL, text, length, secret);
    double start = bench_seconds();
    for (int i = 0; i < SIGNATURES; i++)
        if (crypto_sign_verify_detached(signature, text, length, public) != 0)
            bench_die("libsodium");
    return SIGNATURES / (bench_seconds() - start);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return EXIT_FAILURE;
    if (strcmp(argv[1], "json") == 0)
        printf("%.0f\n", parse_and_print());
    else
        printf("%.0f\n", verify(strtoul(argv[2], NULL, 10)));
    return EXIT_SUCCESS;
}
