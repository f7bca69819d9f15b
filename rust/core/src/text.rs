//! The textual forms, all of fixed width, all sorting like the value.

use core::fmt;
use core::ops::Range;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use crate::Timestamp;
use crate::error::{Form, InvalidTimestamp};
use crate::layout::{MAX_EPOCH, MAX_LOGICAL, MAX_PHYSICAL};

/// `d`: decimal digit, `x`: lower-case hexadecimal digit; everything else stands for itself.
const TEMPLATE: &[u8] = b"ddddd_dddd-dd-ddTdd:dd:dd.ddddddZ_dddd_xxxxxxxxxxxx";
const WIDTH: usize = TEMPLATE.len();

pub(crate) fn render(ts: Timestamp, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let instant = jiff::Timestamp::from_microsecond(ts.physical_us() as i64).map_err(|_| fmt::Error)?;
    let wall = Offset::UTC.to_datetime(instant);
    write!(
        f,
        "{:05}_{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z_{:04}_{:012x}",
        ts.epoch(),
        wall.year(),
        wall.month(),
        wall.day(),
        wall.hour(),
        wall.minute(),
        wall.second(),
        wall.subsec_nanosecond() / 1000,
        ts.logical(),
        ts.node(),
    )
}

pub(crate) fn parse_hex(text: &str) -> Result<u128, InvalidTimestamp> {
    if text.chars().count() != 32 {
        return Err(InvalidTimestamp::new(Form::Hex, "must be 32 characters long", None));
    }
    text.chars().enumerate().try_fold(0, |value, (position, c)| match c {
        '0'..='9' | 'a'..='f' => Ok(value << 4 | u128::from(c.to_digit(16).unwrap_or(0))),
        _ => Err(InvalidTimestamp::new(Form::Hex, "expected a lower-case hexadecimal digit", Some(position))),
    })
}

pub(crate) fn parse_str(text: &str) -> Result<Timestamp, InvalidTimestamp> {
    if text.chars().count() != WIDTH {
        return Err(InvalidTimestamp::new(Form::Str, format!("must be {WIDTH} characters long"), None));
    }
    parse(Form::Str, text, 0)
}

pub(crate) fn parse_json(text: &str) -> Result<Timestamp, InvalidTimestamp> {
    if text.chars().count() != WIDTH + 2 {
        return Err(InvalidTimestamp::new(Form::Json, format!("must be {} characters long", WIDTH + 2), None));
    }
    let expected = |position| InvalidTimestamp::new(Form::Json, "expected '\"'", Some(position));
    let inner = text.strip_prefix('"').ok_or_else(|| expected(0))?;
    let inner = inner.strip_suffix('"').ok_or_else(|| expected(WIDTH + 1))?;
    parse(Form::Json, inner, 1)
}

/// `text` has as many characters as the template; `offset` places it inside a longer text, for messages.
fn parse(form: Form, text: &str, offset: usize) -> Result<Timestamp, InvalidTimestamp> {
    for (i, (&expected, c)) in TEMPLATE.iter().zip(text.chars()).enumerate() {
        let reason = match expected {
            b'd' if !c.is_ascii_digit() => "expected a decimal digit".into(),
            b'x' if !matches!(c, '0'..='9' | 'a'..='f') => "expected a lower-case hexadecimal digit".into(),
            b'd' | b'x' => continue,
            literal if c != char::from(literal) => format!("expected '{}'", char::from(literal)),
            _ => continue,
        };
        return Err(InvalidTimestamp::new(form, reason, Some(offset + i)));
    }
    // Every character is the ASCII that the template asks for: byte positions are character positions from here on.
    let digits = |at: Range<usize>| text[at].bytes().fold(0, |n, byte| n * 10 + u32::from(byte - b'0'));
    let epoch = u16::try_from(digits(0..5))
        .map_err(|_| InvalidTimestamp::range(form, "epoch", MAX_EPOCH.into(), Some(offset)))?;
    let physical =
        wall_us(digits).ok_or_else(|| InvalidTimestamp::new(form, "no such date or time", Some(offset + 6)))?;
    let physical = u64::try_from(physical)
        .ok()
        .filter(|&us| us <= MAX_PHYSICAL)
        .ok_or_else(|| InvalidTimestamp::range(form, "physical_us", MAX_PHYSICAL, Some(offset + 6)))?;
    let logical = digits(34..38) as u16;
    if logical > MAX_LOGICAL {
        return Err(InvalidTimestamp::range(form, "logical", MAX_LOGICAL.into(), Some(offset + 34)));
    }
    let node = text[39..51].chars().fold(0, |n, c| n << 4 | u64::from(c.to_digit(16).unwrap_or(0)));
    Ok(Timestamp::from_parts(physical, logical, node, epoch))
}

/// Microseconds since 1970 of the date and time in a checked text, or `None` where the calendar has no such instant.
fn wall_us(digits: impl Fn(Range<usize>) -> u32) -> Option<i64> {
    if digits(6..10) == 0 {
        return None; // the proleptic calendar of other languages starts with the year 1
    }
    let date = Date::new(digits(6..10) as i16, digits(11..13) as i8, digits(14..16) as i8).ok()?;
    let nanosecond = digits(26..32) as i32 * 1000;
    let time = Time::new(digits(17..19) as i8, digits(20..22) as i8, digits(23..25) as i8, nanosecond).ok()?;
    // Civil arithmetic, not an instant: jiff's instants end before the year 9999 does, and that is a date all the same.
    let since = DateTime::from_parts(date, time).duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    i64::try_from(since.as_micros()).ok()
}
