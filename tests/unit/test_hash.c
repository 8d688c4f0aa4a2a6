#include "tests/unit/unit.h"

#include <string.h>

#include "daemon/core/hash.h"
#include "tests/unit/seeded.h"

/* The key 00 01 … 0f of the reference implementation's vectors. */
static const struct hash_key reference_key = {UINT64_C(0x0706050403020100),
                                              UINT64_C(0x0f0e0d0c0b0a0908)};

/* Messages 00 01 02 …, by length (vectors.h of the reference implementation). */
static void test_reference_vectors(void **state)
{
    (void)state;
    const struct {
        size_t length;
        uint64_t hash;
    } vectors[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},
        {7, UINT64_C(0xab0200f58b01d137)},  {8, UINT64_C(0x93f5f5799a932462)},
        {15, UINT64_C(0xa129ca6149be45e5)}, {16, UINT64_C(0x3f2acc7f57c29bdb)},
        {63, UINT64_C(0x958a324ceb064572)},
    };
    uint8_t message[64];

    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        assert_int_equal(hash_bytes(&reference_key, message, vectors[i].length), vectors[i].hash);
}

static void test_number_is_its_bytes(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0, 1, 2, 3, 4, 5, 6, 7};

    assert_int_equal(hash_number(&reference_key, UINT64_C(0x0706050403020100)),
                     hash_bytes(&reference_key, bytes, sizeof(bytes)));
}

static void test_keys_differ(void **state)
{
    (void)state;
    uint64_t seed = 1;
    struct random random = seeded(&seed);
    struct hash_key a = hash_key_draw(&random), b = hash_key_draw(&random);

    assert_int_not_equal(a.k0, b.k0);
    assert_int_not_equal(a.k0, a.k1);
    assert_int_not_equal(hash_number(&a, 1), hash_number(&b, 1));
    assert_int_not_equal(hash_seeded(1, "x", 1), hash_seeded(2, "x", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_vectors),
        cmocka_unit_test(test_number_is_its_bytes),
        cmocka_unit_test(test_keys_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
