//! Numbers as people read them: times, sizes, counts, rates.

use std::time::Duration;

/// A time that is passing: `850 ms`, `12 s`, `3 min 20 s`, `4 h 10 min`, `12 d 3 h`.
pub(crate) fn age(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// How long a request took: `87 us`, `1.4 ms`, `230 ms`, `1.2 s`; a dash for none.
pub(crate) fn latency(micros: Option<u64>) -> String {
    let Some(micros) = micros else { return "-".to_owned() };
    match micros {
        0..1000 => format!("{micros} us"),
        1000..10_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1000),
        _ => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

/// So many bytes: `0 B`, `512 B`, `1.5 KiB`, `48 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let mut unit = 0;
    let mut whole = bytes;
    let mut rest = 0;
    while whole >= 1024 && unit + 1 < UNITS.len() {
        rest = whole % 1024;
        whole /= 1024;
        unit += 1;
    }
    let name = UNITS[unit];
    if unit == 0 || whole >= 10 {
        format!("{whole} {name}")
    } else {
        format!("{whole}.{} {name}", rest * 10 / 1024)
    }
}

/// A count with its thousands apart: `1 234 567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// How many a second: whole ones from ten on.
pub(crate) fn rate(more: u64, within: Duration) -> String {
    let tenths = u128::from(more) * 10_000 / within.as_millis().max(1);
    if tenths >= 100 {
        count(u64::try_from(tenths / 10).unwrap_or(u64::MAX))
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_two_units_at_most() {
        let ages = [850, 12_999, 200_000, 15_000_000, 1_050_000_000].map(age);
        assert_eq!(ages, ["850 ms", "12 s", "3 min 20 s", "4 h 10 min", "12 d 3 h"]);
    }

    #[test]
    fn a_latency_keeps_two_digits_or_more() {
        let texts = [87, 999, 1_450, 230_000, 1_290_000].map(|it| latency(Some(it)));
        assert_eq!(texts, ["87 us", "999 us", "1.4 ms", "230 ms", "1.2 s"]);
        assert_eq!(latency(None), "-");
    }

    #[test]
    fn sizes_have_the_largest_unit_that_fits() {
        let texts = [0, 512, 1536, 48 << 20, 3 << 30, u64::MAX].map(bytes);
        assert_eq!(texts, ["0 B", "512 B", "1.5 KiB", "48 MiB", "3.0 GiB", "16777215 TiB"]);
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1 000", "1 234 567"]);
    }

    #[test]
    fn a_rate_is_by_the_second_and_never_divides_by_nothing() {
        let second = Duration::from_secs(1);
        assert_eq!(rate(5, second * 2), "2.5");
        assert_eq!(rate(12_345, second), "12 345");
        assert_eq!(rate(1, Duration::ZERO), "1 000");
    }
}
