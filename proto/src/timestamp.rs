//! `google.protobuf.Timestamp`, whose JSON form ends in `Z`.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

/// A time in UTC, encoded like `google.protobuf.Timestamp`. In JSON it is RFC 3339 with `Z`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Timestamp {
    /// The seconds since 1970-01-01T00:00:00Z.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// The nanoseconds of the second, from 0 to 999,999,999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl From<SystemTime> for Timestamp {
    /// Converts a time. Times before 1970 become 1970, and times after the year 9999 its last day but one.
    fn from(time: SystemTime) -> Self {
        let max = jiff::Timestamp::MAX.as_second();
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self {
            seconds: i64::try_from(since_epoch.as_secs()).map_or(max, |seconds| seconds.min(max)),
            nanos: i32::try_from(since_epoch.subsec_nanos()).unwrap_or(0),
        }
    }
}

impl fmt::Display for Timestamp {
    /// Formats the time as in JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::new(self.seconds, self.nanos) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{} seconds after 1970", self.seconds),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = jiff::Timestamp::new(self.seconds, self.nanos).map_err(ser::Error::custom)?;
        serializer.collect_str(&time)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let form = "a time must be of RFC 3339, such as 2030-01-01T00:00:00Z, and at most 9999-12-30T22:00:00Z";
        let time: jiff::Timestamp = text.parse().map_err(|_| de::Error::custom(form))?;
        // Before 1970, jiff counts the fraction backwards, and protobuf forwards.
        let nanos = time.subsec_nanosecond();
        let borrowed = i32::from(nanos < 0);
        Ok(Self {
            seconds: time.as_second() - i64::from(borrowed),
            nanos: nanos + borrowed * 1_000_000_000,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_rfc_3339_in_utc_with_z() {
        let time = Timestamp::from(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let json = serde_json::to_string(&time).expect("serialises");
        assert_eq!(json, "\"2027-01-15T08:00:00Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&json).expect("parses"), time);
    }

    #[test]
    fn fraction_before_1970_counts_forwards() {
        let json = "\"1969-12-31T23:59:58.25Z\"";
        let time: Timestamp = serde_json::from_str(json).expect("parses");
        let (seconds, nanos) = (-2, 250_000_000);
        assert_eq!(time, Timestamp { seconds, nanos });
        assert_eq!(serde_json::to_string(&time).expect("serialises"), json);
    }

    #[test]
    fn time_after_the_last_year_is_clamped() {
        let time = Timestamp::from(UNIX_EPOCH + Duration::from_millis((1 << 48) - 1));
        let json = serde_json::to_string(&time).expect("serialises");
        assert!(json.starts_with("\"9999-12-30T22:00:00"), "{json}");
    }
}
