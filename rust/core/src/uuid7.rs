//! A timestamp as a UUID of version 7 (RFC 9562, section 5.7), and back.
//!
//! ```text
//! unix_ts_ms 48 | 0111 | microseconds 10, logical 2 (high) | 10 | logical 10 (low), node 48, epoch 4
//! ```

use crate::Timestamp;
use crate::error::{Form, InvalidTimestamp};
use crate::layout::{MAX_NODE, MAX_PHYSICAL};

/// The four spare bits hold epochs up to this one.
const MAX_EPOCH: u16 = 15;

pub(crate) fn pack(ts: Timestamp) -> Result<u128, InvalidTimestamp> {
    if ts.epoch() > MAX_EPOCH {
        return Err(InvalidTimestamp::new(Form::Uuid, "epochs above 15 do not fit a UUID", None));
    }
    let (milliseconds, microseconds) = (ts.physical_us() / 1000, ts.physical_us() % 1000);
    let logical = u64::from(ts.logical());
    let high = milliseconds << 16 | 7 << 12 | microseconds << 2 | logical >> 10;
    let low = 2 << 62 | (logical & 0x3FF) << 52 | ts.node() << 4 | u64::from(ts.epoch());
    Ok(u128::from(high) << 64 | u128::from(low))
}

pub(crate) fn unpack(bits: u128) -> Result<Timestamp, InvalidTimestamp> {
    let (high, low) = ((bits >> 64) as u64, bits as u64);
    let refuse = |reason: &'static str| Err(InvalidTimestamp::new(Form::Uuid, reason, None));
    if high >> 12 & 0xF != 7 {
        return refuse("must be of version 7");
    }
    if low >> 62 != 2 {
        return refuse("must be of the RFC 9562 variant");
    }
    let microseconds = high >> 2 & 0x3FF;
    if microseconds > 999 {
        return refuse("microseconds must lie in 0..=999");
    }
    let physical = (high >> 16) * 1000 + microseconds;
    if physical > MAX_PHYSICAL {
        return Err(InvalidTimestamp::range(Form::Uuid, "physical_us", MAX_PHYSICAL, None));
    }
    let logical = ((high & 3) << 10 | low >> 52 & 0x3FF) as u16;
    Ok(Timestamp::from_parts(physical, logical, low >> 4 & MAX_NODE, (low & 0xF) as u16))
}
