//! The vectors in `tests/vectors`, which Python reads as well.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use flocktime_core::merge::{EpochGate, OnCollision, OnDrift, Rules, Unusual, adopt, tick};
use flocktime_core::{ClockError, EpochRefusal, InvalidTimestamp, Timestamp};

type Row = HashMap<String, Option<String>>;

fn rows(file: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows: Vec<Row> = serde_json::from_str(&text).expect("an array of flat objects of strings");
    assert!(rows.len() >= 5, "{file} has {} rows", rows.len());
    rows
}

/// A value that the row has to have.
fn get<'a>(row: &'a Row, key: &str) -> &'a str {
    find(row, key).unwrap_or_else(|| panic!("no {key} in {row:?}"))
}

fn find<'a>(row: &'a Row, key: &str) -> Option<&'a str> {
    row.get(key).and_then(Option::as_deref)
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(row: &Row, key: &str) -> T {
    get(row, key).parse().unwrap_or_else(|error| panic!("{key} of {row:?}: {error:?}"))
}

fn unhex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0);
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hexadecimal")).collect()
}

fn uuid_bits(text: &str) -> u128 {
    u128::from_str_radix(&text.replace('-', ""), 16).expect("a UUID")
}

/// Every form of a value is what the vectors say, and leads back to it.
#[test]
fn conversions() {
    for row in rows("timestamps.json") {
        let ts = Timestamp::new(
            number(&row, "physical_us"),
            number(&row, "logical"),
            number(&row, "node"),
            number(&row, "epoch"),
        )
        .unwrap();
        assert_eq!(ts.to_u128(), number(&row, "int"), "{row:?}");
        assert_eq!(ts.to_be_bytes().to_vec(), unhex(get(&row, "bytes")));
        assert_eq!(ts.to_hex(), get(&row, "hex"));
        assert_eq!(ts.to_string(), get(&row, "str"));
        assert_eq!(Timestamp::from_hex(get(&row, "hex")), Ok(ts));
        assert_eq!(get(&row, "str").parse(), Ok(ts));
        assert_eq!(Timestamp::from_json(get(&row, "json")), Ok(ts));
        assert_eq!(ts.to_uuid().ok(), find(&row, "uuid").map(uuid_bits));
        if let Some(uuid) = find(&row, "uuid") {
            assert_eq!(Timestamp::from_uuid(uuid_bits(uuid)), Ok(ts));
        }
        let hash = ts.mixed() as i64;
        assert_eq!(if hash == -1 { -2 } else { hash }, number::<i64>(&row, "hash"), "{row:?}");
    }
}

/// Values, hexadecimal and text sort like their ranks.
#[test]
fn ordering() {
    let rows = rows("ordering.json");
    for pair in rows.windows(2) {
        let value = |row| Timestamp::from_hex(get(row, "hex")).unwrap();
        assert!(value(&pair[0]) < value(&pair[1]));
        assert!(value(&pair[0]).to_string() < value(&pair[1]).to_string());
    }
}

/// What is malformed is refused, by form, position and reason. Rows that only Python can hold are counted, not judged.
#[test]
fn malformed() {
    let (mut judged, mut other) = (0, 0);
    for row in rows("invalid.json") {
        let Some(refused) = refusal(&row) else {
            other += 1;
            continue;
        };
        let error = refused.expect_err(get(&row, "name"));
        let expected = (get(&row, "form"), get(&row, "reason"), find(&row, "position").map(|p| p.parse().unwrap()));
        assert_eq!((error.form.name(), &*error.reason, error.position), expected, "{row:?}");
        judged += 1;
    }
    println!("{judged} judged, {other} of other languages");
    assert!(judged >= 60);
}

/// `None` where the input does not even have the argument's type here.
fn refusal(row: &Row) -> Option<Result<Timestamp, InvalidTimestamp>> {
    let input = get(row, "input");
    Some(match get(row, "decoder") {
        "new" => {
            let fields: Vec<_> = input.split(',').collect();
            let [physical, logical, node, epoch] = fields[..] else { panic!("{row:?}") };
            Timestamp::new(physical.parse().ok()?, logical.parse().ok()?, node.parse().ok()?, epoch.parse().ok()?)
        }
        "from_hex" => Timestamp::from_hex(input),
        "from_str" => input.parse(),
        "from_json" => Timestamp::from_json(input),
        "from_uuid" => Timestamp::from_uuid(uuid_bits(input)),
        "to_uuid" => {
            let ts = Timestamp::new(0, 0, 0, input.parse().ok()?).unwrap();
            ts.to_uuid().map(|_| ts)
        }
        "from_bytes" | "from_int" | "from_datetime" => return None,
        other => panic!("no decoder {other}"),
    })
}

/// One step of a clock: what is issued, what is counted, what is refused and with which numbers.
#[test]
fn merging() {
    for row in rows("merge.json") {
        let stamp = |prefix: &str, node: &str| {
            let field = |name: &str| format!("{prefix}{name}");
            Timestamp::new(
                number(&row, &field("physical_us")),
                number(&row, &field("logical")),
                number(&row, node),
                number(&row, &field("epoch")),
            )
            .unwrap()
        };
        let state = stamp("state_", "node");
        let reading: u64 = number(&row, "reading_us");
        let result = match get(&row, "rule") {
            "tick" => Ok((tick(state, reading), None)),
            "receive" => receive(&row, state, stamp("remote_", "remote_node"), reading),
            // The operator's rules are the clock's own and tested there: here only what they make of the numbers.
            "advance_epoch" | "reset" => continue,
            other => panic!("no rule {other}"),
        };
        match (find(&row, "error"), result) {
            (None, Ok((issued, unusual))) => {
                assert_eq!(issued, stamp("", "node"), "{row:?}");
                assert_eq!(unusual.map(counter), find(&row, "counted"), "{row:?}");
            }
            (Some(kind), Err(error)) => assert_refused(&row, kind, error),
            (expected, found) => panic!("{expected:?} but {found:?} in {row:?}"),
        }
    }
}

fn receive(
    row: &Row,
    state: Timestamp,
    remote: Timestamp,
    reading: u64,
) -> Result<(Timestamp, Option<Unusual>), ClockError> {
    let rules = Rules {
        reference: reading,
        max_drift: find(row, "max_drift_us").map(|us| us.parse().unwrap()),
        on_drift: match get(row, "on_drift") {
            "reject" => OnDrift::Reject,
            "adopt" => OnDrift::Adopt,
            "ignore" => OnDrift::Ignore,
            "clamp" => OnDrift::Clamp,
            other => panic!("no policy {other}"),
        },
        on_collision: if get(row, "on_collision") == "adopt" { OnCollision::Adopt } else { OnCollision::Reject },
    };
    let from = state.epoch();
    let gate = match get(row, "gate") {
        "open" => EpochGate::Open,
        "step" => EpochGate::Step { from },
        "shut" => EpochGate::Shut { from, wait_us: 1 },
        other => panic!("no gate {other}"),
    };
    adopt(state, remote, &rules, || gate).map(|(adopted, unusual)| (tick(adopted, reading), unusual))
}

const fn counter(unusual: Unusual) -> &'static str {
    match unusual {
        Unusual::AdoptedBeyondLimit => "adopted_beyond_limit",
        Unusual::Ignored => "ignored",
        Unusual::Clamped => "clamped",
        Unusual::CollisionAdopted => "collisions_adopted",
    }
}

fn assert_refused(row: &Row, kind: &str, error: ClockError) {
    match (kind, error) {
        ("drift", ClockError::Drift { offset_us, limit_us, .. }) => {
            assert_eq!((offset_us, limit_us), (number(row, "offset_us"), number(row, "limit_us")), "{row:?}");
        }
        ("epoch", ClockError::Epoch { proposed, why, .. }) => {
            let why = match why {
                EpochRefusal::Jump => "jump",
                EpochRefusal::TooSoon { .. } => "too soon",
                EpochRefusal::Top => "top",
                EpochRefusal::NeedsForce => "force",
            };
            assert_eq!((proposed, why), (number(row, "proposed"), get(row, "why")), "{row:?}");
        }
        ("collision", ClockError::Collision { .. }) => {}
        (kind, error) => panic!("{kind} but {error:?} in {row:?}"),
    }
}
