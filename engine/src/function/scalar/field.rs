//! The names of date and time fields (`'year'`, `'mons'`, `'us'` …) and what they mean.

use crate::error::{Error, Kind};

/// A field of a date, time or interval; `date_part`, `date_trunc` and `timestampadd` share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Nanosecond,
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    IsoYear,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    Epoch,
    Julian,
    Date,
    Timezone,
    TimezoneHour,
    TimezoneMinute,
}

impl Field {
    /// Reads a field's name as PostgreSQL does, with its abbreviations and plurals, and dask-sql's
    /// `SQL_TSI_` prefix.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let lower = name
            .trim_matches(|c| c == '\'' || c == '"' || c == ' ')
            .to_lowercase();
        Some(match lower.strip_prefix("sql_tsi_").unwrap_or(&lower) {
            "ns" | "nanosecond" | "nanoseconds" => Field::Nanosecond,
            "us" | "usec" | "usecs" | "usecond" | "useconds" | "microsecond" | "microseconds"
            | "microsecon" => Field::Microsecond,
            "ms" | "msec" | "msecs" | "msecond" | "mseconds" | "millisecond" | "milliseconds"
            | "millisecon" => Field::Millisecond,
            "s" | "sec" | "secs" | "second" | "seconds" => Field::Second,
            "m" | "min" | "mins" | "minute" | "minutes" => Field::Minute,
            "h" | "hr" | "hrs" | "hour" | "hours" => Field::Hour,
            "d" | "day" | "days" | "dayofmonth" => Field::Day,
            "w" | "week" | "weeks" => Field::Week,
            "mon" | "mons" | "month" | "months" => Field::Month,
            "qtr" | "quarter" | "quarters" => Field::Quarter,
            "y" | "yr" | "yrs" | "year" | "years" => Field::Year,
            "dec" | "decs" | "decade" | "decades" => Field::Decade,
            "c" | "cent" | "century" | "centuries" => Field::Century,
            "mil" | "mils" | "millennia" | "millennium" | "millenium" => Field::Millennium,
            "isoyear" => Field::IsoYear,
            "dow" | "dayofweek" => Field::DayOfWeek,
            "isodow" => Field::IsoDayOfWeek,
            "doy" | "dayofyear" => Field::DayOfYear,
            "epoch" => Field::Epoch,
            "julian" | "j" | "jd" => Field::Julian,
            "date" => Field::Date,
            "timezone" => Field::Timezone,
            "timezone_h" | "timezone_hour" => Field::TimezoneHour,
            "timezone_m" | "timezone_minute" => Field::TimezoneMinute,
            _ => return None,
        })
    }

    pub(crate) fn parse_or_error(name: &str) -> Result<Self, Error> {
        Self::parse(name).ok_or_else(|| {
            const KNOWN: &[&str] = &[
                "microseconds",
                "milliseconds",
                "second",
                "minute",
                "hour",
                "day",
                "week",
                "month",
                "quarter",
                "year",
                "decade",
                "century",
                "millennium",
                "isoyear",
                "dow",
                "isodow",
                "doy",
                "epoch",
                "julian",
                "timezone",
            ];
            Error::new(
                Kind::InvalidParameterValue,
                format!("unit \"{name}\" not recognized"),
            )
            .hint(format!("Known units: {}.", KNOWN.join(", ")))
            .candidates(&name.to_lowercase(), KNOWN.iter().copied())
        })
    }

    /// The name under which DataFusion knows the field.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Field::Nanosecond => "nanosecond",
            Field::Microsecond => "microsecond",
            Field::Millisecond => "millisecond",
            Field::Second => "second",
            Field::Minute => "minute",
            Field::Hour => "hour",
            Field::Day => "day",
            Field::Week => "week",
            Field::Month => "month",
            Field::Quarter => "quarter",
            Field::Year => "year",
            Field::Decade => "decade",
            Field::Century => "century",
            Field::Millennium => "millennium",
            Field::IsoYear => "isoyear",
            Field::DayOfWeek => "dow",
            Field::IsoDayOfWeek => "isodow",
            Field::DayOfYear => "doy",
            Field::Epoch => "epoch",
            Field::Julian => "julian",
            Field::Date => "date",
            Field::Timezone => "timezone",
            Field::TimezoneHour => "timezone_hour",
            Field::TimezoneMinute => "timezone_minute",
        }
    }
}
