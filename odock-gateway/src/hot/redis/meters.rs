//! Meters in Redis: one script a step, whatever the number of scopes.

use super::RedisStore;
use crate::hot::HotError;
use crate::hot::meters::{Chores, Correction, Counter, LeaseId, Meter, Module, Release, SharedMeters, Wait};

/// What becomes of a state: those of requests and of tokens are apart, because different gates ask for them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Places,
    Requests,
    Tokens,
}

const fn part(module: Module) -> Part {
    match module {
        Module::Concurrency => Part::Places,
        Module::Burst | Module::Rps | Module::Rpm => Part::Requests,
        Module::Tpm => Part::Tokens,
    }
}

/// The module's number in the script.
const fn number(module: Module) -> u8 {
    module as u8 + 1
}

/// The keys of a step, each once.
struct Keys<'a> {
    prefix: &'a str,
    known: Vec<(Counter, Part)>,
}

impl<'a> Keys<'a> {
    fn new(prefix: &'a str, capacity: usize) -> Self {
        Self { prefix, known: Vec::with_capacity(capacity) }
    }

    /// The place of a key, from 1, as two bytes.
    fn place(&mut self, counter: Counter, module: Module) -> [u8; 2] {
        let wanted = (counter, part(module));
        // Looked for from the end: the meters of a scope stand next to each other.
        let index = self.known.iter().rposition(|known| *known == wanted).unwrap_or_else(|| {
            self.known.push(wanted);
            self.known.len() - 1
        });
        u16::try_from(index + 1).unwrap_or(u16::MAX).to_le_bytes()
    }

    fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.known.iter().map(|(counter, part)| {
            let part = match part {
                Part::Places => "places",
                Part::Requests => "requests",
                Part::Tokens => "tokens",
            };
            format!("{}:limit:{}:{}:{part}", self.prefix, counter.kind.as_str(), counter.id.simple())
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "limits and moments are below 2^53")]
fn pack_limits(keys: &mut Keys<'_>, meters: &[Meter]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(meters.len() * 29);
    let (mut scope, mut last) = (0_u8, None);
    for meter in meters {
        if last.replace(meter.counter).is_some_and(|last| last != meter.counter) {
            scope += 1;
        }
        packed.extend_from_slice(&keys.place(meter.counter, meter.module));
        packed.extend_from_slice(&[scope, u8::from(meter.shadow), number(meter.module)]);
        for number in [meter.of, meter.cost, meter.rate] {
            packed.extend_from_slice(&(number as f64).to_le_bytes());
        }
    }
    packed
}

fn pack_releases(keys: &mut Keys<'_>, releases: &[Release]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(releases.len() * 18);
    for release in releases {
        packed.extend_from_slice(&keys.place(release.counter, Module::Concurrency));
        packed.extend_from_slice(release.lease.as_bytes());
    }
    packed
}

#[expect(clippy::cast_precision_loss, reason = "counts and moments are below 2^53")]
fn pack_corrections(keys: &mut Keys<'_>, corrections: &[Correction]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(corrections.len() * 19);
    for correction in corrections {
        packed.extend_from_slice(&keys.place(correction.counter, correction.module));
        packed.push(number(correction.module));
        packed.extend_from_slice(&(correction.at_us as f64).to_le_bytes());
        packed.extend_from_slice(&(correction.by as f64).to_le_bytes());
    }
    packed
}

impl RedisStore {
    async fn step(&self, mode: &str, lease: LeaseId, meters: &mut [Meter], chores: &Chores) -> Result<i64, HotError> {
        let mut keys = Keys::new(&self.prefix, meters.len() + chores.releases.len() + chores.corrections.len());
        let limits = pack_limits(&mut keys, meters);
        let releases = pack_releases(&mut keys, &chores.releases);
        let corrections = pack_corrections(&mut keys, &chores.corrections);
        let mut call = self.meters.arg(mode);
        call.arg(lease.as_bytes().as_slice()).arg(limits).arg(releases).arg(corrections);
        for name in keys.names() {
            call.key(name);
        }
        let mut connection = self.connection();
        let answer = self.prompt(call.invoke_async::<Vec<i64>>(&mut connection)).await?;
        let (Some(now), readings) = (answer.first(), answer.get(1..).unwrap_or_default().chunks_exact(4)) else {
            return Err(HotError("the script of the meters gave no answer".into()));
        };
        if readings.len() != meters.len() {
            return Err(HotError("the script of the meters answered for other meters".into()));
        }
        for (meter, said) in meters.iter_mut().zip(readings) {
            let [left, wait, reset, taken] = [said[0], said[1], said[2], said[3]];
            meter.reading.left = u64::try_from(left).unwrap_or(0);
            meter.reading.wait = match u64::try_from(wait) {
                Ok(0) => Wait::None,
                Ok(wait) => Wait::Us(wait),
                Err(_) => Wait::Never,
            };
            meter.reading.reset_us = u64::try_from(reset).unwrap_or(0);
            meter.reading.taken = taken == 1;
        }
        Ok(*now)
    }
}

#[async_trait::async_trait]
impl SharedMeters for RedisStore {
    async fn take(&self, lease: LeaseId, meters: &mut [Meter], chores: &Chores) -> Result<i64, HotError> {
        self.step("take", lease, meters, chores).await
    }

    async fn look(&self, meters: &mut [Meter]) -> Result<(), HotError> {
        self.step("look", LeaseId::nil(), meters, &Chores::default()).await.map(|_| ())
    }

    async fn renew(&self, leases: &[(Release, u64)]) -> Result<(), HotError> {
        let mut keys = Keys::new(&self.prefix, leases.len());
        let mut packed = Vec::with_capacity(leases.len() * 26);
        for (Release { counter, lease }, ttl_ms) in leases {
            packed.extend_from_slice(&keys.place(*counter, Module::Concurrency));
            packed.extend_from_slice(lease.as_bytes());
            packed.extend_from_slice(&ttl_ms.to_le_bytes());
        }
        let mut call = self.renew.arg(packed);
        for name in keys.names() {
            call.key(name);
        }
        let mut connection = self.connection();
        self.prompt(call.invoke_async::<()>(&mut connection)).await
    }
}
