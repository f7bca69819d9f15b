//! Who may speak: nothing that was changed on the way is let in, and keys change without a gap.

mod packets;

use flocktime_agent::gossip::keyring::{Key, KeyError, Keyring, MAX_KEYS, MAX_SECRET, MIN_SECRET, Opened};
use flocktime_agent::gossip::packet::{Kind, MAX_SIZE, Refusal, SIZE, decode, encode};
use packets::{KINDS, any_packet, key, ring, sample};
use proptest::prelude::*;

/// An ordinary packet, signed.
fn signed(keyring: &Keyring, kind: Kind) -> [u8; SIZE] {
    let mut bytes = encode(&sample(kind)).unwrap();
    keyring.seal(&mut bytes);
    bytes
}

/// The same from a higher minor version, with fields appended.
fn appended<const N: usize>(keyring: &Keyring, minor: u8) -> [u8; N] {
    let mut bytes = [0xa5; N];
    bytes[..SIZE].copy_from_slice(&encode(&sample(Kind::Note)).unwrap());
    bytes[SIZE - 16..].fill(0xa5);
    bytes[3] = minor;
    keyring.seal(&mut bytes);
    bytes
}

fn refusal(keyring: &Keyring, bytes: &[u8]) -> Option<Refusal> {
    keyring.open(bytes).err()
}

/// Every single-bit flip is refused, and for the reason that fits its place.
fn flip_every_bit(keyring: &Keyring, ids: &[u16], good: &[u8]) -> usize {
    assert_eq!(refusal(keyring, good), None);
    for bit in 0..good.len() * 8 {
        let mut bytes = good.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let id = u16::from_be_bytes([bytes[6], bytes[7]]);
        let expected = match bit / 8 {
            0 | 1 => Refusal::Magic,
            2 => Refusal::Version { major: bytes[2] },
            3 if bytes[3] == 0 && bytes.len() > SIZE => Refusal::Length,
            6 | 7 if id == 0 => Refusal::Unauthenticated,
            6 | 7 if !ids.contains(&id) => Refusal::UnknownKey { id },
            _ => Refusal::Forged,
        };
        assert_eq!(refusal(keyring, &bytes), Some(expected), "bit {bit}");
    }
    good.len() * 8
}

/// No single-bit flip of any kind of packet is let in, not even one that turns the key id into another known one.
#[test]
fn every_bit_flip_is_refused() {
    let ids = [0x40, 0x41, 0x60, 0x140];
    let keyring = ring(&ids);
    let flips: usize = KINDS.map(|kind| flip_every_bit(&keyring, &ids, &signed(&keyring, kind))).iter().sum();
    assert_eq!(flips, 3 * 168 * 8);
    flip_every_bit(&keyring, &ids, &appended::<200>(&keyring, 1));
    flip_every_bit(&keyring, &ids, &appended::<MAX_SIZE>(&keyring, 0xfe));
}

/// No packet that is cut or has something appended is let in, even if its minor version would allow the length.
#[test]
fn every_other_length_is_refused() {
    let keyring = ring(&[1]);
    for kind in KINDS {
        let good = signed(&keyring, kind);
        for length in (0..=400).filter(|&length| length != SIZE) {
            let mut bytes = good.to_vec();
            bytes.resize(length, 0);
            assert_eq!(refusal(&keyring, &bytes), Some(Refusal::Length), "{length} bytes");
            if let Some(minor) = bytes.get_mut(3) {
                *minor = 1;
                let fits = (SIZE..=MAX_SIZE).contains(&length);
                let expected = if fits { Refusal::Forged } else { Refusal::Length };
                assert_eq!(refusal(&keyring, &bytes), Some(expected), "{length} bytes of minor 1");
            }
        }
    }
}

/// A higher minor version is let in with its appended fields, which its tag covers; what this version knows is read.
#[test]
fn higher_minor_versions_are_read() {
    let keyring = ring(&[5]);
    let check = |bytes: &[u8]| {
        let opened = keyring.open(bytes).unwrap();
        assert_eq!(opened.decode(), Ok(sample(Kind::Note)));
        assert_eq!(opened.body(), &bytes[..bytes.len() - 16]);
    };
    check(&appended::<SIZE>(&keyring, 1));
    check(&appended::<169>(&keyring, 1));
    check(&appended::<216>(&keyring, 2));
    check(&appended::<MAX_SIZE>(&keyring, 255));
    let open = Keyring::without_keys();
    assert_eq!(open.open(&appended::<200>(&open, 3)).and_then(Opened::decode), Ok(sample(Kind::Note)));
}

proptest! {
    /// Bytes changed anywhere and in any number are refused; so is anything under another secret of the same id.
    #[test]
    fn changed_bytes_are_refused(
        packet in any_packet(),
        changes in prop::collection::vec((0..SIZE, 1..=255_u8), 1..20),
        other in prop::array::uniform32(any::<u8>()),
    ) {
        let keyring = ring(&[9, 10]);
        let mut good = encode(&packet).unwrap();
        keyring.seal(&mut good);
        let mut bytes = good;
        for (at, change) in changes {
            bytes[at] ^= change;
        }
        prop_assert_eq!(keyring.open(&bytes).is_ok(), bytes == good);
        prop_assume!(other != [9; 32]);
        let stranger = Keyring::new(9, &[Key::new(9, &other).unwrap()]).unwrap();
        prop_assert_eq!(refusal(&stranger, &good), Some(Refusal::Forged));
    }

    /// A key is read from its text as it was, and has no other text.
    #[test]
    fn keys_have_one_text(id in 1_u16.., secret in prop::collection::vec(any::<u8>(), MIN_SECRET..=MAX_SECRET)) {
        let key = Key::new(id, &secret).unwrap();
        let text = key.to_text();
        let again: Key = text.parse().unwrap();
        prop_assert_eq!((again.id(), again.to_text()), (id, text.clone()));
        let (one, other) = (Keyring::new(id, &[key]).unwrap(), Keyring::new(id, &[again]).unwrap());
        prop_assert_eq!(refusal(&other, &signed(&one, Kind::Request)), None);
        for wrong in [format!("{text}="), format!(" {text}"), format!("0{text}"), format!("+{text}"), format!("{text}\n")] {
            prop_assert!(wrong.parse::<Key>().is_err(), "{}", wrong);
        }
    }
}

/// With keys only signed packets are let in, without keys only unsigned ones. Nothing is both.
#[test]
fn signed_or_not() {
    let (keyed, open) = (ring(&[3]), Keyring::without_keys());
    assert_eq!((keyed.signing_id(), keyed.demands_signatures()), (Some(3), true));
    assert_eq!((open.signing_id(), open.demands_signatures()), (None, false));
    let plain = signed(&open, Kind::Request);
    assert_eq!(plain, encode(&sample(Kind::Request)).unwrap());
    assert_eq!(refusal(&open, &plain), None);
    assert_eq!(refusal(&keyed, &plain), Some(Refusal::Unauthenticated));
    let mut sealed = signed(&keyed, Kind::Request);
    assert_eq!(refusal(&open, &sealed), Some(Refusal::UnknownKey { id: 3 }));
    sealed[6..8].fill(0);
    assert_eq!(refusal(&open, &sealed), Some(Refusal::Malformed { field: "tag" }));
    assert_eq!(refusal(&keyed, &sealed), Some(Refusal::Unauthenticated));
    open.seal(&mut sealed);
    assert_eq!(sealed, plain, "sealing writes over what was there");
}

/// Nothing of the fields matters before the tag does: what nobody signed is forged, not malformed.
#[test]
fn authentication_comes_first() {
    let keyring = ring(&[1]);
    let mut bytes = signed(&keyring, Kind::Request);
    bytes[4] = 99;
    bytes[8..16].fill(0xff);
    assert_eq!(refusal(&keyring, &bytes), Some(Refusal::Forged));
    // Signed by a member that writes nonsense, it is malformed.
    keyring.seal(&mut bytes);
    assert_eq!(keyring.open(&bytes).and_then(Opened::decode), Err(Refusal::Malformed { field: "kind" }));
    assert_eq!(decode(&bytes), Err(Refusal::Malformed { field: "kind" }));
}

/// A tag of one key is none of another, even if the id is changed to fit and even if both have the same secret.
#[test]
fn tags_are_bound_to_their_key() {
    for secrets in [(1, 2), (3, 3)] {
        let keys = [key(1, secrets.0), key(2, secrets.1)];
        let mut bytes = signed(&Keyring::new(1, &keys).unwrap(), Kind::Note);
        bytes[7] = 2;
        assert_eq!(refusal(&Keyring::new(1, &keys).unwrap(), &bytes), Some(Refusal::Forged));
    }
}

/// Keys change in three steps, each member at its own time; members that are one step apart always understand each other.
#[test]
fn rotation_has_no_gap() {
    let steps = [ring(&[1]), ring(&[1, 2]), ring(&[2, 1]), ring(&[2])];
    for (i, sender) in steps.iter().enumerate() {
        let bytes = signed(sender, Kind::Reply);
        for (j, reader) in steps.iter().enumerate() {
            let heard = refusal(reader, &bytes).is_none();
            assert!(heard || i.abs_diff(j) > 1, "step {i} is not heard by step {j}");
        }
    }
    assert_eq!(refusal(&steps[3], &signed(&steps[1], Kind::Reply)), Some(Refusal::UnknownKey { id: 1 }));
    let opened = signed(&steps[2], Kind::Reply);
    assert_eq!(steps[1].open(&opened).map(Opened::key_id), Ok(2), "who still signs with the old key is seen");
}

/// At most 16 keys, each id once, and the one to sign with among them.
#[test]
fn keyrings_are_checked() {
    let keys: Vec<Key> = (1..=17).map(|id| key(id, 1)).collect();
    assert_eq!(Keyring::new(1, &keys).unwrap_err(), KeyError::TooMany { count: 17 });
    let full = Keyring::new(16, &keys[..MAX_KEYS]).unwrap();
    assert_eq!(refusal(&full, &signed(&Keyring::new(7, &keys[6..7]).unwrap(), Kind::Note)), None);
    assert_eq!(Keyring::new(17, &keys[..MAX_KEYS]).unwrap_err(), KeyError::NoSigningKey { id: 17 });
    assert_eq!(Keyring::new(1, &[]).unwrap_err(), KeyError::NoSigningKey { id: 1 });
    assert_eq!(Keyring::new(0, &keys[..1]).unwrap_err(), KeyError::NoSigningKey { id: 0 });
    assert_eq!(Keyring::new(1, &[key(1, 1), key(2, 2), key(1, 3)]).unwrap_err(), KeyError::Duplicate { id: 1 });
}

/// A secret has 16 to 64 bytes and a key an id; the refusal says which key and how long, and nothing else.
#[test]
fn keys_are_checked() {
    for length in 0..=200 {
        let expected = (!(16..=64).contains(&length)).then_some(KeyError::SecretLength { id: 3, length });
        assert_eq!(Key::new(3, &vec![1; length]).err(), expected);
    }
    assert_eq!(Key::new(0, &[1; 32]).unwrap_err(), KeyError::Id);
    assert_eq!(
        KeyError::SecretLength { id: 3, length: 15 }.to_string(),
        "the secret of key 3 has 15 bytes, must have 16 to 64"
    );
    assert_eq!("3:AAAA".parse::<Key>().unwrap_err(), KeyError::SecretLength { id: 3, length: 3 });
    assert_eq!(format!("0:{}", "A".repeat(43)).parse::<Key>().unwrap_err(), KeyError::Id);
}

/// What is no text of a key: another shape, another number, another alphabet, bits left over, too much.
#[test]
fn key_texts_are_strict() {
    let secret = "A".repeat(43); // 32 bytes
    let padded = format!("{secret}=");
    assert!(format!("65535:{secret}").parse::<Key>().is_ok());
    for (id, secret) in [
        ("", secret.as_str()),
        ("65536", &secret),
        ("99999", &secret),
        ("-1", &secret),
        ("+1", &secret),
        ("1 ", &secret),
        ("0x1", &secret),
        ("\u{661}", &secret),
        ("1", &padded),
        ("1", &secret.replace('A', "+")),
        ("1", &format!("{}B", &secret[1..])),
        ("1", &format!("{}:{secret}", &secret[1..])),
        ("1", &format!("{} ", &secret[1..])),
        ("1", &"A".repeat(1_000_000)),
    ] {
        let error = format!("{id}:{secret}").parse::<Key>().unwrap_err();
        assert!(matches!(error, KeyError::Text { .. }), "{id:?}: {error:?}");
    }
    assert!(matches!(secret.parse::<Key>(), Err(KeyError::Text { .. })), "no colon");
    let longest = format!("65535:{}", "A".repeat(86)); // 64 bytes
    assert!(longest.parse::<Key>().is_ok());
    assert_eq!(format!("{longest}A").parse::<Key>().unwrap_err(), KeyError::Text { reason: "too long" });
}

/// Nothing but the text of a key tells its secret.
#[test]
fn secrets_are_kept() {
    let key = Key::new(12, b"correct horse battery staple").unwrap();
    let text = key.to_text();
    let encoded = text.strip_prefix("12:").unwrap().to_owned();
    let misspelt = format!("12;{encoded}").parse::<Key>().unwrap_err();
    let keyring = Keyring::new(12, std::slice::from_ref(&key)).unwrap();
    for shown in [format!("{key:?} {keyring:?}"), format!("{key:#?} {keyring:#?}"), format!("{misspelt} {misspelt:?}")]
    {
        assert!(!shown.contains(&encoded) && !shown.contains("horse") && !shown.contains("99, 111"), "{shown}");
    }
    assert_eq!(format!("{keyring:?}"), "Keyring { signs with: Some(12), reads: [12] }");
    assert_eq!(format!("{key:?}"), "Key { id: 12, secret: 28 bytes }");
}

/// Fresh keys are of 32 bytes and never the same.
#[test]
fn fresh_keys_differ() {
    let texts: std::collections::BTreeSet<String> = (0..100).map(|_| Key::fresh(1).unwrap().to_text()).collect();
    assert_eq!(texts.len(), 100);
    assert!(texts.iter().all(|text| text.len() == 2 + 43 && text.parse::<Key>().is_ok()));
    assert_eq!(Key::fresh(0).unwrap_err(), KeyError::Id);
}

/// Threads may share a keyring.
#[test]
fn keyrings_are_shared() {
    let keyring = ring(&[1, 2]);
    std::thread::scope(|scope| {
        for kind in KINDS {
            let keyring = &keyring;
            scope.spawn(move || (0..100).for_each(|_| assert_eq!(refusal(keyring, &signed(keyring, kind)), None)));
        }
    });
}
