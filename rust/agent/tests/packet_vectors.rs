//! The packets in `tests/vectors`, which were written without this code, and the example of the document.

use std::collections::HashMap;
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use flocktime_agent::gossip::keyring::{Key, Keyring, Opened};
use flocktime_agent::gossip::packet::{Anchor, Echo, MAX_SIZE, Packet, Refusal, SIZE, encode, from_text, to_text};
use flocktime_core::Timestamp;

type Row = HashMap<String, String>;

fn file(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows: one a line, of strings without escapes, so that every second piece between quotes is a key or its value.
fn rows() -> Vec<Row> {
    let text = file("tests/vectors/packets.json");
    assert!(!text.contains('\\') && !text.contains("null"), "this reader knows strings alone");
    let pieces = |line: &str| line.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let row = |line| pieces(line).chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let rows: Vec<Row> = text.lines().filter(|line| line.starts_with('{')).map(row).collect();
    assert!(rows.len() >= 70, "{} rows", rows.len());
    rows
}

fn number<T: FromStr<Err: Debug>>(row: &Row, key: &str) -> T {
    row[key].parse().unwrap_or_else(|error| panic!("{key} of {row:?}: {error:?}"))
}

fn pair<A: FromStr<Err: Debug>, B: FromStr<Err: Debug>>(row: &Row, first: &str, second: &str) -> Option<(A, B)> {
    row.contains_key(first).then(|| (number(row, first), number(row, second)))
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hexadecimal")).collect()
}

/// The reader's keys, of which it signs with `id`.
fn keyring(row: &Row, id: u16) -> Keyring {
    let keys: Vec<Key> = row["keys"].split_whitespace().map(|text| text.parse().expect("a key")).collect();
    if keys.is_empty() { Keyring::without_keys() } else { Keyring::new(id, &keys).expect("good keys") }
}

/// What a reader makes of bytes or text.
fn read(row: &Row) -> Result<Packet, Refusal> {
    let keyring = keyring(row, 1);
    let mut room = [0; MAX_SIZE];
    let bytes = match row.get("bytes") {
        Some(bytes) => unhex(bytes),
        None => from_text(&row["text"], &mut room)?.to_vec(),
    };
    keyring.open(&bytes).and_then(Opened::decode)
}

/// The refusal as the vectors name it.
fn named(refusal: Refusal) -> (String, Option<String>) {
    let detail = match refusal {
        Refusal::Version { major } => Some(major.to_string()),
        Refusal::Malformed { field } => Some(field.to_owned()),
        Refusal::UnknownKey { id } => Some(id.to_string()),
        _ => None,
    };
    (refusal.name().to_owned(), detail)
}

/// What a row says that its packet holds; its kind and state as numbers, which the packet has to agree with.
fn check_fields(row: &Row, packet: &Packet) {
    assert_eq!((packet.kind as u8, packet.state as u8), (number(row, "kind"), number(row, "state")), "{row:?}");
    let expected = Packet {
        kind: packet.kind,
        state: packet.state,
        node: number(row, "node"),
        incarnation: number(row, "incarnation"),
        origin: number(row, "origin"),
        sequence: number(row, "sequence"),
        nonce: number(row, "nonce"),
        tx_h_ns: number(row, "tx_h_ns"),
        tx_l_ns: number(row, "tx_l_ns"),
        y: number(row, "y"),
        s: number(row, "s"),
        u: number(row, "u"),
        error_ns: number(row, "error_ns"),
        anchor: pair(row, "anchor_offset_ns", "anchor_error_ns").map(|(offset_ns, error_ns)| Anchor {
            offset_ns,
            error_ns,
            hops: (number::<u64>(row, "flags") >> 8) as u8,
        }),
        echo: pair(row, "echo_nonce", "echo_received_ns").map(|(nonce, received_ns)| Echo { nonce, received_ns }),
        synchronised_once: number::<u64>(row, "flags") & 1 == 1,
        stamp: Timestamp::from_hex(&row["stamp"]).expect("a timestamp"),
    };
    assert_eq!(*packet, expected, "{row:?}");
}

/// Every row is read or refused as it says, and what this version can write, it writes the same.
#[test]
fn every_row() {
    for row in rows() {
        if row.contains_key("refusal") {
            let expected = (row["refusal"].clone(), row.get("detail").cloned());
            assert_eq!(read(&row).map_err(named), Err(expected), "{row:?}");
            continue;
        }
        let (bytes, keyring) = (unhex(&row["bytes"]), keyring(&row, number(&row, "key_id")));
        let packet = read(&row).unwrap_or_else(|refusal| panic!("{refusal}: {row:?}"));
        check_fields(&row, &packet);
        assert_eq!(to_text(&bytes), row["text"]);
        assert_eq!(from_text(&row["text"], &mut [0; MAX_SIZE]), Ok(bytes.as_slice()));
        assert_eq!(keyring.open(&bytes).map(Opened::key_id), Ok(number(&row, "key_id")));
        if row["minor"] == "0" && number::<u64>(&row, "flags") <= 1 {
            let mut again = encode(&packet).unwrap();
            keyring.seal(&mut again);
            assert_eq!(again.as_slice(), bytes, "{row:?}");
        }
    }
}

/// The document prints the bytes of its example, and these are the ones of the row, which are read above.
#[test]
fn the_example_of_the_document() {
    let rows = rows();
    let row = rows.iter().find(|row| row["name"] == "the example of the document").expect("a row of this name");
    let document = file("docs/wire-format.md");
    // "0016  fe ed ...": the offset, and up to 16 bytes.
    let printed = |line: &str| {
        let (offset, bytes) = line.split_once("  ")?;
        (offset.len() == 4 && offset.bytes().all(|byte| byte.is_ascii_digit())).then(|| bytes.replace(' ', ""))
    };
    let bytes: String = document.lines().filter_map(printed).collect();
    assert_eq!(bytes.len(), 2 * SIZE, "{bytes}");
    assert_eq!(bytes, row["bytes"]);
    let text = &row["text"];
    assert!(document.contains(&text[..112]) && document.contains(&text[112..]), "the text is printed in two halves");
}
