//! The codec: what is written is what is read, and nothing else is.

mod packets;

use flocktime_agent::gossip::keyring::Keyring;
use flocktime_agent::gossip::packet::{
    Anchor, Echo, Kind, MAX_S, MAX_SIZE, MAX_TEXT, MAX_U, MAX_Y, Packet, Refusal, SIZE, decode, encode, from_text,
    to_text,
};
use packets::{KINDS, STATES, any_packet, ring, sample};
use proptest::prelude::*;

fn malformed(field: &'static str) -> Refusal {
    Refusal::Malformed { field }
}

/// The bytes of an ordinary packet with some of them changed.
fn with(at: usize, bytes: &[u8]) -> [u8; SIZE] {
    let mut packet = encode(&sample(Kind::Request)).unwrap();
    packet[at..at + bytes.len()].copy_from_slice(bytes);
    packet
}

/// Numbers that look random and are the same every time (splitmix64).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Up to 319 bytes. Every second one begins like a packet, and half of those are as long as one, so that junk gets past
    /// the frame.
    fn junk(&mut self) -> Vec<u8> {
        let (shape, length) = (self.next(), self.next() % 320);
        let length = if shape & 3 == 3 { 168 } else { length };
        let mut bytes: Vec<u8> = (0..length).map(|_| self.next() as u8).collect();
        if shape & 1 == 1 {
            let start = [b'f', b't', 1, (shape >> 8) as u8 & 1, (shape >> 16) as u8 & 3, (shape >> 24) as u8 & 7, 0];
            let end = start.len().min(bytes.len());
            bytes[..end].copy_from_slice(&start[..end]);
        }
        bytes
    }
}

proptest! {
    /// Every packet that may be sent is read as it was written, as bytes and as text, signed or not.
    #[test]
    fn round_trip(packet in any_packet(), keyed in any::<bool>()) {
        let keyring = if keyed { ring(&[7, 8]) } else { Keyring::without_keys() };
        let mut bytes = encode(&packet).unwrap();
        prop_assert_eq!(decode(&bytes), Ok(packet));
        keyring.seal(&mut bytes);
        let text = to_text(&bytes);
        prop_assert_eq!(text.len(), 224);
        let mut room = [0; MAX_SIZE];
        let opened = keyring.open(from_text(&text, &mut room).unwrap()).unwrap();
        prop_assert_eq!(opened.key_id(), if keyed { 7 } else { 0 });
        prop_assert_eq!(opened.body(), &bytes[..SIZE - 16]);
        prop_assert_eq!(opened.decode(), Ok(packet));
    }

    /// Junk is refused or read, never a panic; what is read is written as it was, but for flags without a meaning.
    #[test]
    fn junk_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..400), framed in any::<bool>()) {
        if framed && bytes.len() >= 4 {
            bytes[..4].copy_from_slice(b"ft\x01\x00");
        }
        if let Ok(packet) = decode(&bytes) {
            let again = encode(&packet).unwrap();
            prop_assert_eq!(&again[8..128], &bytes[8..128]);
            prop_assert_eq!(&again[136..152], &bytes[136..152]);
        }
        let _ = to_text(&bytes);
        let mut room = [0; MAX_SIZE];
        let _ = from_text(&String::from_utf8_lossy(&bytes), &mut room);
    }
}

/// Of 100,000 pieces of junk, half of which begin like packets, none is a packet to a keyring, and none panics on the way.
#[test]
fn much_junk() {
    let (seed, keyed, open) = (20_261_123, ring(&[1, 2, 3]), Keyring::without_keys());
    let mut random = Seeded(seed);
    let mut deep = 0;
    for i in 0..100_000 {
        let junk = random.junk();
        assert!(keyed.open(&junk).is_err(), "seed {seed}, piece {i}: {junk:?}");
        assert!(open.open(&junk).is_err(), "seed {seed}, piece {i}: {junk:?}");
        deep += usize::from(matches!(decode(&junk), Err(Refusal::Malformed { .. })));
    }
    assert!(deep > 10_000, "only {deep} pieces got past the frame: this test tests little");
}

/// A packet has 168 bytes; one of a higher minor version up to 256. No other length is read.
#[test]
fn lengths() {
    let packet = sample(Kind::Note);
    for minor in 0..=255 {
        for length in 0..=400 {
            let mut bytes = encode(&packet).unwrap().to_vec();
            bytes[3] = minor;
            bytes.resize(length, 0xa5);
            let good = length == SIZE || minor > 0 && (SIZE..=MAX_SIZE).contains(&length);
            let expected = if good { Ok(packet) } else { Err(Refusal::Length) };
            assert_eq!(decode(&bytes), expected, "minor {minor}, {length} bytes");
        }
    }
}

/// Another major version is told from junk and from a wrong length, whatever its own length may be.
#[test]
fn other_major_versions() {
    for major in (0..=255).filter(|&major| major != 1) {
        for length in [4, 5, 100, SIZE, MAX_SIZE, 1000] {
            let mut bytes = vec![0; length];
            bytes[..4].copy_from_slice(&[b'f', b't', major, 0]);
            assert_eq!(decode(&bytes), Err(Refusal::Version { major }));
        }
    }
    for magic in [*b"tf", *b"fT", *b"fu", [0, 0]] {
        assert_eq!(decode(&with(0, &magic)), Err(Refusal::Magic));
    }
}

/// Each kind and each state has its number, and no other number is read.
#[test]
fn kinds_and_states() {
    for byte in 0..=255_u8 {
        let kind = KINDS.into_iter().find(|&kind| kind as u8 == byte).ok_or(malformed("kind"));
        assert_eq!(decode(&with(4, &[byte])).map(|packet| packet.kind), kind);
        let state = STATES.into_iter().find(|&state| state as u8 == byte).ok_or(malformed("state"));
        assert_eq!(decode(&with(5, &[byte])).map(|packet| packet.state), state);
    }
    assert_eq!(KINDS.map(|kind| kind as u8), [1, 2, 3]);
    assert_eq!(STATES.map(|state| state as u8), [0, 1, 2, 3, 4, 5]);
}

/// What no reader would take is not written.
#[test]
fn what_is_not_written() {
    let anchor = Some(Anchor { offset_ns: 0, error_ns: u64::MAX, hops: 0 });
    let echo = Some(Echo { nonce: 0, received_ns: 1 });
    let good = sample(Kind::Reply);
    for (packet, field) in [
        (Packet { node: 1 << 48, ..good }, "node"),
        (Packet { node: u64::MAX, ..good }, "node"),
        (Packet { sequence: 0, ..good }, "sequence"),
        (Packet { nonce: 0, ..good }, "nonce"),
        (Packet { y: f64::NAN, ..good }, "y"),
        (Packet { s: f64::INFINITY, ..good }, "s"),
        (Packet { u: f64::NEG_INFINITY, ..good }, "u"),
        (Packet { anchor, ..good }, "anchor"),
        (Packet { echo, ..good }, "echo"),
    ] {
        assert_eq!(encode(&packet), Err(malformed(field)), "{packet:?}");
    }
}

/// The rates are bounded, inclusively and either way; the next larger number, an infinity and a NaN are refused on both sides.
#[test]
fn rates() {
    type Set = fn(&mut Packet, f64);
    let fields: [(_, _, _, Set); 3] = [
        ("y", 64, MAX_Y, |packet, value| packet.y = value),
        ("s", 72, MAX_S, |packet, value| packet.s = value),
        ("u", 80, MAX_U, |packet, value| packet.u = value),
    ];
    for (field, at, bound, set) in fields {
        let judge = |value: f64| {
            let mut packet = sample(Kind::Request);
            set(&mut packet, value);
            (encode(&packet), with(at, &value.to_be_bytes()), packet)
        };
        for good in [bound, -bound, 0.0, -0.0, f64::MIN_POSITIVE, f64::from_bits(1)] {
            let (encoded, bytes, packet) = judge(good);
            assert_eq!((encoded, decode(&bytes)), (Ok(bytes), Ok(packet)), "{field} = {good}");
        }
        let signalling = f64::from_bits(0x7ff0_0000_0000_0001);
        for bad in
            [bound.next_up(), -bound.next_up(), 1.0, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, signalling]
        {
            let (encoded, bytes, _) = judge(bad);
            assert_eq!((encoded, decode(&bytes)), (Err(malformed(field)), Err(malformed(field))), "{field} = {bad}");
        }
    }
}

/// Numbers at the edges of their fields, and an absent anchor or echo, which have one form only.
#[test]
fn edges() {
    for bit in 48..64 {
        assert_eq!(decode(&with(8, &(1_u64 << bit).to_be_bytes())), Err(malformed("node")));
    }
    assert_eq!(decode(&with(32, &[0; 8])), Err(malformed("sequence")));
    assert_eq!(decode(&with(40, &[0; 8])), Err(malformed("nonce")));
    assert_eq!(decode(&with(104, &[0xff; 8])), Err(malformed("anchor")));
    assert_eq!(decode(&with(112, &[0; 8])), Err(malformed("echo")));
    let bare = Packet { anchor: None, echo: None, ..sample(Kind::Request) };
    let bytes = encode(&bare).unwrap();
    assert_eq!(bytes[96..112], [[0; 8], [0xff; 8]].concat());
    assert_eq!(bytes[112..128], [0; 16]);
    assert_eq!(decode(&bytes), Ok(bare));
}

/// Flags without a meaning are ignored when read and never written.
#[test]
fn flags() {
    for bit in (1..8).chain(16..64) {
        assert_eq!(decode(&with(128, &(1_u64 << bit | 1).to_be_bytes())), Ok(sample(Kind::Request)));
        let not_yet = Packet { synchronised_once: false, ..sample(Kind::Request) };
        assert_eq!(decode(&with(128, &(1_u64 << bit).to_be_bytes())), Ok(not_yet));
    }
    assert_eq!(encode(&sample(Kind::Request)).unwrap()[128..136], [0, 0, 0, 0, 0, 0, 0, 1]);
}

/// A packet has one text: no padding, no white space, no other alphabet, no bits left over, no more than fits.
#[test]
fn text_is_strict() {
    let bytes = encode(&sample(Kind::Reply)).unwrap();
    let text = to_text(&bytes);
    let mut room = [0; MAX_SIZE];
    assert_eq!(from_text(&text, &mut room), Ok(bytes.as_slice()));
    for at in 0..text.len() {
        for wrong in [" ", "\n", "\t", "=", "+", "/", ".", "%", "\0", "\u{e9}", "\u{ff21}"] {
            let spoiled = format!("{}{wrong}{}", &text[..at], &text[at + 1..]);
            assert_eq!(from_text(&spoiled, &mut room), Err(malformed("text")), "{wrong:?} at {at}");
        }
    }
    for around in [format!("{text}="), format!(" {text}"), format!("{text} "), format!("{text}A"), format!("{text}\n")]
    {
        assert_eq!(from_text(&around, &mut room), Err(malformed("text")), "{around:?}");
    }
}

/// Up to 256 bytes fit, with each of their texts the only one; a longer text is refused by its length, whatever is in it.
#[test]
fn text_has_bounds() {
    let mut room = [0; MAX_SIZE];
    for length in 0..=MAX_SIZE {
        let bytes = vec![0xff; length];
        let text = to_text(&bytes);
        assert_eq!(from_text(&text, &mut room), Ok(bytes.as_slice()), "{length} bytes");
        if length % 3 != 0 {
            // The last character holds bits of no byte, which are zero: one more is not the same text.
            let next = if length % 3 == 1 { "x" } else { "9" };
            assert_eq!(from_text(&format!("{}{next}", &text[..text.len() - 1]), &mut room), Err(malformed("text")));
        }
    }
    assert_eq!(to_text(&[0; MAX_SIZE]).len(), MAX_TEXT);
    for long in [MAX_TEXT + 1, MAX_TEXT + 2, 10_000_000] {
        assert_eq!(from_text(&"A".repeat(long), &mut room), Err(Refusal::Length));
        assert_eq!(from_text(&" ".repeat(long), &mut room), Err(Refusal::Length));
    }
}

/// Every refusal has a counter of its own and words that name the offender.
#[test]
fn refusals_say_what_they_are() {
    let refusals = [
        (Refusal::Length, "length", "168 to 256 bytes"),
        (Refusal::Magic, "magic", "not a packet"),
        (Refusal::Version { major: 9 }, "version", "version 9"),
        (malformed("kind"), "malformed", "kind"),
        (Refusal::UnknownKey { id: 77 }, "unknown_key", "77"),
        (Refusal::Unauthenticated, "unauthenticated", "not signed"),
        (Refusal::Forged, "forged", "tag"),
    ];
    for (refusal, name, words) in refusals {
        assert_eq!(refusal.name(), name);
        assert!(refusal.to_string().contains(words), "{refusal}");
    }
}
