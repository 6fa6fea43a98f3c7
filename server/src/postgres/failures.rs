//! Logins that failed: who guesses passwords has to wait.
//!
//! Failures are counted for each pair of a user and an address, so that nobody keeps a user out who logs in
//! from elsewhere. Whether there is such a user makes no difference. What is kept is bounded: when there
//! are too many pairs, those that failed least go first.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use quern_engine::{Error, Kind, Result};

/// Pairs that are kept.
const MAX_KNOWN: usize = 10_000;

pub struct Failures {
    most: u32,
    wait: Duration,
    hasher: RandomState,
    /// By a hash of user and address; held for a look-up.
    known: Mutex<HashMap<u64, Failed>>,
}

#[derive(Clone, Copy)]
struct Failed {
    times: u32,
    last: Instant,
}

impl Failures {
    pub fn new(most: u32, wait: Duration) -> Self {
        Self {
            most,
            wait,
            hasher: RandomState::new(),
            known: Mutex::default(),
        }
    }

    /// 28000 for who failed too often lately.
    pub fn check(&self, user: &str, address: IpAddr, now: Instant) -> Result<()> {
        let found = self.known.lock().get(&self.key(user, address)).copied();
        match found {
            Some(failed) if failed.times >= self.most && self.is_recent(failed, now) => {
                let message = format!("too many failed logins of user \"{user}\"");
                let hint = format!(
                    "Try again {} seconds after the last one.",
                    self.wait.as_secs()
                );
                Err(Error::new(Kind::InvalidAuthorization, message).hint(hint))
            }
            _ => Ok(()),
        }
    }

    pub fn failed(&self, user: &str, address: IpAddr, now: Instant) {
        let key = self.key(user, address);
        let mut known = self.known.lock();
        if known.len() >= MAX_KNOWN && !known.contains_key(&key) {
            known.retain(|_, failed| self.is_recent(*failed, now));
            let least = known.iter().min_by_key(|(_, f)| (f.times, f.last));
            if let Some(least) = least
                .map(|(key, _)| *key)
                .filter(|_| known.len() >= MAX_KNOWN)
            {
                known.remove(&least);
            }
        }
        let before = known
            .get(&key)
            .filter(|failed| self.is_recent(**failed, now));
        let times = before.map_or(0, |failed| failed.times).saturating_add(1);
        known.insert(key, Failed { times, last: now });
    }

    pub fn succeeded(&self, user: &str, address: IpAddr) {
        self.known.lock().remove(&self.key(user, address));
    }

    fn is_recent(&self, failed: Failed, now: Instant) -> bool {
        now.saturating_duration_since(failed.last) < self.wait
    }

    fn key(&self, user: &str, address: IpAddr) -> u64 {
        self.hasher.hash_one((user, network(address)))
    }
}

/// Of IPv6, who has one address has the 2^64 around it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let host = u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !host))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_fails_too_often_waits_and_nobody_else() {
        let failures = Failures::new(2, MINUTE);
        let (here, now) = (at("10.0.0.1"), Instant::now());
        failures.failed("ann", here, now);
        assert!(failures.check("ann", here, now).is_ok());
        failures.failed("ann", here, now);
        let error = failures.check("ann", here, now).unwrap_err();
        assert_eq!(error.message, "too many failed logins of user \"ann\"");
        assert!(failures.check("ann", at("::ffff:10.0.0.1"), now).is_err());
        assert!(failures.check("ann", at("10.0.0.2"), now).is_ok());
        assert!(failures.check("bob", here, now).is_ok());
        // The time is over, and counting begins anew.
        let later = now + MINUTE;
        assert!(failures.check("ann", here, later).is_ok());
        failures.failed("ann", here, later);
        assert!(failures.check("ann", here, later).is_ok());
        failures.failed("ann", here, later);
        assert!(failures.check("ann", here, later).is_err());
        failures.succeeded("ann", here);
        assert!(failures.check("ann", here, later).is_ok());
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let failures = Failures::new(1, MINUTE);
        let now = Instant::now();
        failures.failed("ann", at("2001:db8:1:2::1"), now);
        assert!(
            failures
                .check("ann", at("2001:db8:1:2:ff::9"), now)
                .is_err()
        );
        assert!(failures.check("ann", at("2001:db8:1:3::1"), now).is_ok());
    }

    #[test]
    fn many_others_push_nobody_out_who_waits() {
        let failures = Failures::new(2, MINUTE);
        let (here, now) = (at("10.0.0.1"), Instant::now());
        failures.failed("ann", here, now);
        failures.failed("ann", here, now);
        for user in 0..MAX_KNOWN + 50 {
            failures.failed(&user.to_string(), here, now);
        }
        assert_eq!(failures.known.lock().len(), MAX_KNOWN);
        assert!(failures.check("ann", here, now).is_err());
        // What is over makes room.
        failures.failed("bob", here, now + MINUTE);
        assert_eq!(failures.known.lock().len(), 1);
    }
}
