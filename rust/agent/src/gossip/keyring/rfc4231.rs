//! The published cases of HMAC-SHA-256 (RFC 4231, section 4), through the code that makes and judges tags.

use hmac::Mac;

use super::{keyed, tag_of};

/// Secret, message and the tag's leftmost 128 bits: of cases 1 to 7 in order. Case 5 is published cut to 128 bits.
fn cases() -> [(Vec<u8>, Vec<u8>, u128); 7] {
    let text = |text: &str| text.as_bytes().to_vec();
    [
        (vec![0x0b; 20], text("Hi There"), 0xb034_4c61_d8db_3853_5ca8_afce_af0b_f12b),
        (text("Jefe"), text("what do ya want for nothing?"), 0x5bdc_c146_bf60_754e_6a04_2426_0895_75c7),
        (vec![0xaa; 20], vec![0xdd; 50], 0x773e_a91e_3680_0e46_854d_b8eb_d091_81a7),
        ((1..=25).collect(), vec![0xcd; 50], 0x8255_8a38_9a44_3c0e_a4cc_8198_99f2_083a),
        (vec![0x0c; 20], text("Test With Truncation"), 0xa3b6_1674_7310_0ee0_6e0c_796c_2955_552b),
        (
            vec![0xaa; 131],
            text("Test Using Larger Than Block-Size Key - Hash Key First"),
            0x60e4_3159_1ee0_b67f_0d8a_26aa_cbf5_b77f,
        ),
        (
            vec![0xaa; 131],
            text(
                "This is a test using a larger than block-size key and a larger than block-size data. \
                 The key needs to be hashed before being used by the HMAC algorithm.",
            ),
            0x9b09_ffa7_1b94_2fcb_2763_5fbc_d5b0_e944,
        ),
    ]
}

/// Tags are the published ones, from a state that is made once and cloned, and those are accepted.
#[test]
fn published_tags() {
    for (i, (secret, message, expected)) in cases().into_iter().enumerate() {
        let mac = keyed(&secret, 1).unwrap();
        for _ in 0..2 {
            assert_eq!(u128::from_be_bytes(tag_of(&mac, &message)), expected, "case {}", i + 1);
        }
        let judge = mac.chain_update(&message);
        assert!(judge.clone().verify_truncated_left(&expected.to_be_bytes()).is_ok());
        assert!(judge.verify_truncated_left(&(expected ^ 1).to_be_bytes()).is_err());
    }
}
