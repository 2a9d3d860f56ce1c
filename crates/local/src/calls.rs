//! How often each operation was called.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Counters per `service:Action`. They are not part of the state: a restart begins at zero.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    counts: Mutex<BTreeMap<String, u64>>,
}

impl Calls {
    pub(crate) fn count(&self, service: &str, operation: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(format!("{service}:{operation}")).or_default() += 1;
    }

    pub(crate) fn snapshot(&self) -> BTreeMap<String, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn reset(&self) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
