//! Numbers with units: sizes, times and modes, read and written; and strings as TOML quotes them.
//!
//! Sizes count in powers of 1024, whatever the letter's case. A bare time is in seconds, as Gunicorn has it.
//!
//! Invariant: what is written is read back as the same.

use std::fmt::Write as _;
use std::time::Duration;

/// Reads a whole number: digits alone.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Reads bytes: `4096`, `64K`, `16MB`, `1GiB`.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    number(digits)?.checked_mul(1 << shift)
}

/// Reads a time: `30`, `0.5`, `500ms`, `2m`.
pub(super) fn parse_time(text: &str) -> Option<Duration> {
    let end =
        text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let seconds = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "s" | "sec" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    if !digits.starts_with(|character: char| character.is_ascii_digit()) {
        return None;
    }
    // Rounded, so that 0.1 s and 100 ms are the same.
    let nanos = digits.parse::<f64>().ok()? * seconds * 1e9;
    Duration::try_from_secs_f64(nanos.round() / 1e9).ok()
}

/// Reads octal permission bits: `660`, `0660`, `0o660`.
pub(super) fn parse_mode(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    if octal { u32::from_str_radix(digits, 8).ok() } else { None }
}

/// Writes bytes in the largest unit that they are whole in.
pub(super) fn size(bytes: u64) -> String {
    let unit = [(40, "T"), (30, "G"), (20, "M"), (10, "K")]
        .into_iter()
        .find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    unit.map_or_else(|| bytes.to_string(), |(shift, letter)| format!("{}{letter}", bytes >> shift))
}

/// Writes a time in the largest unit that it is whole in, up to minutes.
pub(super) fn time(time: Duration) -> String {
    let (seconds, nanos) = (time.as_secs(), time.subsec_nanos());
    if nanos != 0 && nanos % 1_000_000 == 0 {
        format!("{}ms", time.as_millis())
    } else if nanos != 0 {
        format!("{}s", time.as_secs_f64())
    } else if seconds > 60 && seconds % 60 == 0 {
        format!("{}m", seconds / 60)
    } else {
        format!("{seconds}s")
    }
}

/// Writes a string as TOML does.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if character.is_control() => {
                // Writing to a string can't fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(character));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
