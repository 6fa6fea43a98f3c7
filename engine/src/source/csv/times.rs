//! Dates and timestamps in the notation that the user named, or else in ISO 8601.
//!
//! A format is one of strftime's, such as `%d.%m.%Y %H:%M`.

use arrow::array::timezone::Tz;
use arrow::array::types::Date32Type;
use arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use chrono::format::{Fixed, Item, Numeric, Parsed, StrftimeItems, parse};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};

use crate::source::dialect::Csv;

#[derive(Debug, Clone, Default)]
pub struct Formats {
    date: Option<Vec<Item<'static>>>,
    timestamp: Option<Stamp>,
}

/// The format of timestamps, and what is in it.
#[derive(Debug, Clone)]
struct Stamp {
    items: Vec<Item<'static>>,
    has_offset: bool,
    has_hour: bool,
    is_epoch: bool,
}

/// The parts of a format; None when it is not one.
pub fn items(format: &str) -> Option<Vec<Item<'static>>> {
    StrftimeItems::new(format).parse_to_owned().ok()
}

impl Formats {
    pub fn of(dialect: &Csv) -> Self {
        Self {
            date: dialect.date_format.as_deref().and_then(items),
            timestamp: dialect.timestamp_format.as_deref().and_then(Stamp::parse),
        }
    }

    /// Days since 1970.
    pub fn date(&self, text: &str) -> Option<i32> {
        match &self.date {
            Some(items) => {
                let date = parsed(text, items)?.to_naive_date().ok()?;
                i32::try_from((date - NaiveDate::default()).num_days()).ok()
            }
            None => iso_date(text),
        }
    }

    /// Whether the text is what is written for a date, not merely read as one.
    pub fn is_date(&self, text: &str) -> bool {
        (self.date.is_some() || text.len() == 10) && self.date(text).is_some()
    }

    /// An instant; a text without an offset means the zone's time, or UTC. A date is its midnight.
    pub fn instant(&self, text: &str, zone: Option<&Tz>) -> Option<DateTime<Utc>> {
        let written = match (&self.timestamp, zone) {
            (Some(stamp), _) => stamp.instant(text, zone),
            (None, Some(zone)) => string_to_datetime(zone, text)
                .ok()
                .map(|t| t.with_timezone(&Utc)),
            (None, None) => string_to_datetime(&Utc, text).ok(),
        };
        written.or_else(|| {
            self.date.as_ref()?;
            let days = TimeDelta::try_days(i64::from(self.date(text)?))?;
            let date = NaiveDate::default().checked_add_signed(days)?;
            in_zone(date.and_time(NaiveTime::MIN), zone)
        })
    }

    /// Whether the text is what is written for a timestamp, with an offset from UTC or without.
    pub fn is_timestamp(&self, text: &str, zoned: bool) -> bool {
        match &self.timestamp {
            Some(stamp) => stamp.has_offset == zoned && stamp.instant(text, None).is_some(),
            None => {
                text.len() >= 16
                    && has_zone(text) == zoned
                    && string_to_datetime(&Utc, text).is_ok()
            }
        }
    }
}

fn parsed(text: &str, items: &[Item<'static>]) -> Option<Parsed> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, items.iter()).ok()?;
    Some(parsed)
}

impl Stamp {
    fn parse(format: &str) -> Option<Self> {
        let items = items(format)?;
        let numeric = |wanted: &[Numeric]| {
            let is = |item: &Item| matches!(item, Item::Numeric(n, _) if wanted.contains(n));
            items.iter().any(is)
        };
        Some(Self {
            has_offset: items.iter().any(is_offset),
            has_hour: numeric(&[Numeric::Hour, Numeric::Hour12]),
            is_epoch: numeric(&[Numeric::Timestamp]),
            items,
        })
    }

    fn instant(&self, text: &str, zone: Option<&Tz>) -> Option<DateTime<Utc>> {
        let parsed = parsed(text, &self.items)?;
        if self.has_offset {
            return Some(parsed.to_datetime().ok()?.with_timezone(&Utc));
        }
        if self.is_epoch {
            return Some(parsed.to_naive_datetime_with_offset(0).ok()?.and_utc());
        }
        let time = match self.has_hour {
            true => parsed.to_naive_time().ok()?,
            false => NaiveTime::MIN,
        };
        in_zone(parsed.to_naive_date().ok()?.and_time(time), zone)
    }
}

fn in_zone(time: NaiveDateTime, zone: Option<&Tz>) -> Option<DateTime<Utc>> {
    match zone {
        Some(zone) => Some(
            zone.from_local_datetime(&time)
                .earliest()?
                .with_timezone(&Utc),
        ),
        None => Some(time.and_utc()),
    }
}

fn is_offset(item: &Item<'static>) -> bool {
    match item {
        Item::Fixed(
            Fixed::TimezoneOffset
            | Fixed::TimezoneOffsetColon
            | Fixed::TimezoneOffsetColonZ
            | Fixed::TimezoneOffsetZ
            | Fixed::TimezoneOffsetDoubleColon
            | Fixed::TimezoneOffsetTripleColon
            | Fixed::RFC2822
            | Fixed::RFC3339,
        ) => true,
        // Its kinds are not public, but their names are shown.
        Item::Fixed(Fixed::Internal(_)) => format!("{item:?}").contains("TimezoneOffset"),
        _ => false,
    }
}

/// `2020-01-31`: Arrow's own parser also takes numbers.
fn iso_date(text: &str) -> Option<i32> {
    let shaped = text.len() >= 8 && text.get(1..)?.contains('-');
    if shaped {
        Date32Type::parse(text)
    } else {
        None
    }
}

/// Whether a timestamp's text names its offset from UTC.
fn has_zone(text: &str) -> bool {
    let time = text.get(10..).unwrap_or("");
    time.ends_with(['Z', 'z']) || time.contains(['+', '-'])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn formats(date: &str, timestamp: &str) -> Formats {
        Formats {
            date: Some(items(date).unwrap()),
            timestamp: Some(Stamp::parse(timestamp).unwrap()),
        }
    }

    #[test]
    fn formats_are_followed() {
        let german = formats("%d.%m.%Y", "%d.%m.%Y %H:%M");
        assert_eq!(german.date("02.01.1970"), Some(1));
        assert_eq!(german.date("31.12.1969"), Some(-1));
        assert_eq!(german.date("1970-01-02"), None);
        let at = |text: &str| german.instant(text, None).map(|t| t.to_string());
        assert_eq!(at("02.01.1970 03:04").unwrap(), "1970-01-02 03:04:00 UTC");
        assert_eq!(at("02.01.1970").unwrap(), "1970-01-02 00:00:00 UTC");
        assert_eq!(at("1970-01-02 03:04"), None);
        assert!(german.is_timestamp("02.01.1970 03:04", false));
        assert!(!german.is_timestamp("02.01.1970 03:04", true));
        let zone: Tz = "Europe/Berlin".parse().unwrap();
        let local = german.instant("02.07.2020 03:04", Some(&zone)).unwrap();
        assert_eq!(local.to_string(), "2020-07-02 01:04:00 UTC");
    }

    #[test]
    fn offsets_and_epochs() {
        let offset = formats("%F", "%Y%m%dT%H%M%S%z");
        let at = offset.instant("20200102T030405+0200", None).unwrap();
        assert_eq!(at.to_string(), "2020-01-02 01:04:05 UTC");
        assert!(offset.is_timestamp("20200102T030405+0200", true));
        assert_eq!(
            formats("%F", "%s")
                .instant("86400", None)
                .unwrap()
                .timestamp(),
            86400
        );
        assert!(formats("%F", "%F %T %#z").is_timestamp("2020-01-02 03:04:05 +02", true));
        assert!(items("%Q").is_none());
    }

    #[test]
    fn iso_without_formats() {
        let iso = Formats::default();
        assert!(iso.is_date("2020-01-31") && !iso.is_date("2020-1-31"));
        assert!(iso.is_timestamp("2020-01-31T10:20:30Z", true));
        assert_eq!(iso.date("12"), None);
    }
}
