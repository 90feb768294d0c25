//! The time of a line, in the four forms that lines have, in the machine's own zone.
//!
//! What is costly, the zone's rules, is asked once a second and thread; the digits are written each time.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// `2026-11-23 10:00:00 +0000`
    Log,
    /// `23/Nov/2026:10:00:00 +0000`
    Access,
    /// `Nov 23 10:00:00`
    Rfc3164,
    /// `2026-11-23T10:00:00.123+00:00`
    Rfc3339,
}

/// Writes the time of now.
pub fn write(line: &mut Vec<u8>, form: Form) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let second = now.as_secs();
    let kept = LAST.try_with(Cell::get).ok().filter(|(kept, _)| *kept == second);
    let civil = kept.map_or_else(
        || {
            let civil = Civil::at(now, &TimeZone::system());
            // During a thread's end there is no place for it.
            let _ended = LAST.try_with(|last| last.set((second, civil)));
            civil
        },
        |(_, civil)| civil,
    );
    civil.write(line, form, now.subsec_millis());
}

/// Writes a number.
pub fn number(line: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut place = digits.len();
    loop {
        place -= 1;
        digits[place] = digit(number % 10);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[place..]);
}

/// Writes the last digits of a number, with zeros before it: for parts of a second.
pub fn padded(line: &mut Vec<u8>, mut number: u64, width: usize) {
    let start = line.len();
    line.resize(start + width, b'0');
    for place in line[start..].iter_mut().rev() {
        *place = digit(number % 10);
        number /= 10;
    }
}

thread_local! {
    /// The second that was written last, and what it is in the machine's zone.
    static LAST: Cell<(u64, Civil)> = const { Cell::new((u64::MAX, Civil::EPOCH)) };
}

/// A second as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    /// Of the zone, in minutes east of Greenwich.
    offset: i32,
}

impl Civil {
    const EPOCH: Self = Self { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, offset: 0 };

    fn at(since_epoch: Duration, zone: &TimeZone) -> Self {
        let second = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
        // A clock beyond the year 9999 is as wrong as one that stands still.
        let Ok(time) = Timestamp::from_second(second) else { return Self::EPOCH };
        let offset = zone.to_offset(time);
        Self::with(time, offset)
    }

    fn with(time: Timestamp, offset: Offset) -> Self {
        let date = offset.to_datetime(time);
        let plain = |number: i8| u64::try_from(number).unwrap_or_default();
        Self {
            year: u64::try_from(date.year()).unwrap_or_default(),
            month: plain(date.month()),
            day: plain(date.day()),
            hour: plain(date.hour()),
            minute: plain(date.minute()),
            second: plain(date.second()),
            offset: offset.seconds() / 60,
        }
    }

    fn write(&self, line: &mut Vec<u8>, form: Form, millis: u32) {
        match form {
            Form::Log => {
                self.date(line);
                line.push(b' ');
                self.clock(line);
                line.push(b' ');
                self.zone(line, b"");
            }
            Form::Access => {
                padded(line, self.day, 2);
                line.push(b'/');
                line.extend_from_slice(self.month_name());
                line.push(b'/');
                padded(line, self.year, 4);
                line.push(b':');
                self.clock(line);
                line.push(b' ');
                self.zone(line, b"");
            }
            Form::Rfc3164 => {
                line.extend_from_slice(self.month_name());
                line.push(b' ');
                // RFC 3164 section 4.1.2: a day below 10 has a space before it.
                if self.day < 10 {
                    line.push(b' ');
                }
                number(line, self.day);
                line.push(b' ');
                self.clock(line);
            }
            Form::Rfc3339 => {
                self.date(line);
                line.push(b'T');
                self.clock(line);
                line.push(b'.');
                padded(line, u64::from(millis), 3);
                self.zone(line, b":");
            }
        }
    }

    fn date(&self, line: &mut Vec<u8>) {
        padded(line, self.year, 4);
        line.push(b'-');
        padded(line, self.month, 2);
        line.push(b'-');
        padded(line, self.day, 2);
    }

    fn clock(&self, line: &mut Vec<u8>) {
        padded(line, self.hour, 2);
        line.push(b':');
        padded(line, self.minute, 2);
        line.push(b':');
        padded(line, self.second, 2);
    }

    fn zone(&self, line: &mut Vec<u8>, separator: &[u8]) {
        line.push(if self.offset < 0 { b'-' } else { b'+' });
        let minutes = u64::from(self.offset.unsigned_abs());
        padded(line, minutes / 60, 2);
        line.extend_from_slice(separator);
        padded(line, minutes % 60, 2);
    }

    fn month_name(&self) -> &'static [u8; 3] {
        let month = usize::try_from(self.month).unwrap_or_default();
        MONTHS.get(month.wrapping_sub(1)).copied().unwrap_or(b"???")
    }
}

const fn digit(number: u64) -> u8 {
    // Below ten.
    b'0' + (number % 10) as u8
}

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    fn written(second: u64, zone: &TimeZone, form: Form) -> String {
        let mut line = Vec::new();
        Civil::at(Duration::from_secs(second), zone).write(&mut line, form, 7);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn the_four_forms_are_those_of_their_readers() {
        let second = 1_795_428_000;
        let utc = TimeZone::UTC;
        assert_eq!(written(second, &utc, Form::Log), "2026-11-23 10:00:00 +0000");
        assert_eq!(written(second, &utc, Form::Access), "23/Nov/2026:10:00:00 +0000");
        assert_eq!(written(second, &utc, Form::Rfc3164), "Nov 23 10:00:00");
        assert_eq!(written(second, &utc, Form::Rfc3339), "2026-11-23T10:00:00.007+00:00");
    }

    #[test]
    fn the_zone_is_written_with_its_sign() {
        let west = TimeZone::fixed(Offset::from_seconds(-(3 * 60 + 30) * 60).unwrap());
        assert_eq!(written(0, &west, Form::Log), "1969-12-31 20:30:00 -0330");
        assert_eq!(written(0, &west, Form::Rfc3339), "1969-12-31T20:30:00.007-03:30");
        let east = TimeZone::fixed(Offset::from_seconds(5 * 3600 + 45 * 60).unwrap());
        assert_eq!(written(0, &east, Form::Access), "01/Jan/1970:05:45:00 +0545");
        assert_eq!(written(0, &east, Form::Rfc3164), "Jan  1 05:45:00");
    }

    #[test]
    fn an_absurd_clock_is_written_all_the_same() {
        assert_eq!(written(u64::MAX, &TimeZone::UTC, Form::Log), "1970-01-01 00:00:00 +0000");
    }

    #[test]
    fn the_kept_second_is_the_one_that_is_written() {
        let mut first = Vec::new();
        write(&mut first, Form::Log);
        let kept = LAST.get().1;
        let mut again = Vec::new();
        kept.write(&mut again, Form::Log, 0);
        assert_eq!(first, again);
        assert_eq!(first.len(), "2026-11-23 10:00:00 +0000".len());
    }

    #[test]
    fn numbers_are_written_in_full() {
        for value in [0, 7, 10, 4_294_967_296, u64::MAX] {
            let mut line = Vec::new();
            number(&mut line, value);
            assert_eq!(line, value.to_string().into_bytes());
        }
        let mut line = Vec::new();
        padded(&mut line, 42, 6);
        assert_eq!(line, b"000042");
    }
}
