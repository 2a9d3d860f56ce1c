//! All state, and the context in which a handler works on it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Time;
use crate::options::Options;
use crate::services::{self, Global, Region, Service};

/// Everything that a local cloud knows. All of it is serialisable and ordered.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) account: String,
    pub(crate) now: Time,
    ids: Ids,
    #[serde(with = "queue")]
    events: BTreeMap<(Time, u64), Event>,
    next_event: u64,
    pub(crate) regions: BTreeMap<String, Region>,
    pub(crate) global: Global,
}

/// Something that will happen.
#[derive(Debug, Serialize, Deserialize)]
struct Event {
    at: Time,
    number: u64,
    region: String,
    service: String,
    body: Value,
}

/// JSON has no keys but strings: the queue is stored as a list.
mod queue {
    use super::*;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(events: &BTreeMap<(Time, u64), Event>, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(events.values())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<(Time, u64), Event>, D::Error> {
        let events = Vec::<Event>::deserialize(d)?;
        Ok(events.into_iter().map(|e| ((e.at, e.number), e)).collect())
    }
}

/// More events than this in one step of the clock means that they breed without time passing.
const EVENTS_PER_STEP: usize = 1_000_000;

impl World {
    pub(crate) fn new(options: &Options, now: Time) -> Self {
        World {
            account: options.account.clone(),
            now,
            ids: Ids { seed: options.seed, minted: 0 },
            events: BTreeMap::new(),
            next_event: 0,
            regions: BTreeMap::new(),
            global: Global::default(),
        }
    }

    /// When something happens next by itself.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lets everything happen that is due by `to`, each at its own time. True if anything did.
    pub(crate) fn advance(&mut self, options: &Options, to: Time) -> bool {
        let mut happened = 0;
        while happened < EVENTS_PER_STEP
            && let Some(entry) = self.events.first_entry()
            && entry.key().0 <= to
        {
            let event = entry.remove();
            happened += 1;
            self.now = self.now.max(event.at);
            if let Some(service) = services::by_name(&event.service) {
                let mut cx = Cx::new(self, options, service, event.region);
                (service.on_event)(&mut cx, event.body);
            }
        }
        self.now = self.now.max(to);
        happened > 0
    }
}

/// What a handler works with: the world, in one region, at one moment, for one service.
pub(crate) struct Cx<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) options: &'a Options,
    pub(crate) service: &'static Service,
    pub(crate) region: String,
    /// The operation that was called; empty while an event is handled.
    pub(crate) operation: String,
    /// The id of the access key that signed the call.
    pub(crate) access_key: String,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(world: &'a mut World, options: &'a Options, service: &'static Service, region: String) -> Self {
        Cx { world, options, service, region, operation: String::new(), access_key: String::new() }
    }

    pub(crate) fn now(&self) -> Time {
        self.world.now
    }

    pub(crate) fn account(&self) -> &str {
        &self.world.account
    }

    /// The state of this region's services.
    pub(crate) fn regional(&mut self) -> &mut Region {
        if !self.world.regions.contains_key(&self.region) {
            self.world.regions.insert(self.region.clone(), Region::default());
        }
        // The entry exists; `entry` would clone the key on every call.
        self.world.regions.entry(self.region.clone()).or_default()
    }

    /// `arn:aws:{service}:{region}:{account}:{resource}`
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.world.account)
    }

    /// An EC2-style id: `vpc-0` and 16 more hexadecimal digits.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{}", self.hex(16))
    }

    /// Hexadecimal digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        self.minted(b"0123456789abcdef", digits)
    }

    /// Lower-case letters and digits.
    pub(crate) fn lower(&mut self, length: usize) -> String {
        self.minted(b"abcdefghijklmnopqrstuvwxyz0123456789", length)
    }

    /// Upper-case letters and digits, as in IAM's unique ids and Route 53's zone ids.
    pub(crate) fn upper(&mut self, length: usize) -> String {
        self.minted(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", length)
    }

    /// Decimal digits.
    pub(crate) fn digits(&mut self, length: usize) -> String {
        self.minted(b"0123456789", length)
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let h = self.hex(30);
        format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[12..15], &h[15..18], &h[18..30])
    }

    /// A number below `bound`.
    pub(crate) fn random(&mut self, bound: u64) -> u64 {
        self.world.ids.next() % bound.max(1)
    }

    fn minted(&mut self, alphabet: &[u8], length: usize) -> String {
        let mut text = String::with_capacity(length);
        for _ in 0..length {
            let at = self.random(alphabet.len() as u64) as usize;
            text.push(char::from(alphabet[at]));
        }
        text
    }

    /// Schedules an event of this service, `delay` of simulated time from now (from [`timings`](crate::timings)); at
    /// once under `Options::instant`. The service's `on_event` gets `body`, in this region.
    pub(crate) fn after(&mut self, delay: Duration, body: Value) {
        let delay = if self.options.instant { Duration::ZERO } else { delay };
        self.exactly_after(delay, body);
    }

    /// As [`after`](Self::after), but takes its time even under `Options::instant`: for what repeats.
    pub(crate) fn exactly_after(&mut self, delay: Duration, body: Value) {
        self.schedule(self.service.name, delay, body);
    }

    /// As [`after`](Self::after), for another service.
    pub(crate) fn after_in(&mut self, service: &'static str, delay: Duration, body: Value) {
        let delay = if self.options.instant { Duration::ZERO } else { delay };
        self.schedule(service, delay, body);
    }

    /// As [`exactly_after`](Self::exactly_after), for another service: for what a user chose to wait for.
    pub(crate) fn exactly_after_in(&mut self, service: &'static str, delay: Duration, body: Value) {
        self.schedule(service, delay, body);
    }

    fn schedule(&mut self, service: &str, delay: Duration, body: Value) {
        let (at, number) = (self.world.now + delay, self.world.next_event);
        self.world.next_event += 1;
        let event = Event { at, number, region: self.region.clone(), service: service.to_owned(), body };
        self.world.events.insert((at, number), event);
    }

    /// True once something made at `created` is seen everywhere (a fresh role can be assumed).
    pub(crate) fn settled(&self, created: Time) -> bool {
        self.options.instant || self.world.now.since(created) >= self.options.consistency_window
    }
}

/// Mints what AWS would mint at random, the same from the same seed (SplitMix64).
#[derive(Debug, Serialize, Deserialize)]
struct Ids {
    seed: u64,
    minted: u64,
}

impl Ids {
    fn next(&mut self) -> u64 {
        self.minted += 1;
        let mut z = self.seed.wrapping_add(self.minted.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
