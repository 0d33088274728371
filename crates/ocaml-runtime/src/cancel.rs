//! Stopping calls from outside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sys::cancellation::Order;

/// Stops the calls made under it by [`Runtime::cancellable`](crate::Runtime::cancellable). Clones are the same
/// token.
///
/// ```
/// use ocaml_runtime::CancelToken;
///
/// let token = CancelToken::new();
/// let elsewhere = token.clone();
/// std::thread::spawn(move || elsewhere.cancel()).join().unwrap();
/// assert!(token.is_cancelled());
/// ```
#[derive(Debug, Clone)]
pub struct CancelToken {
    order: Arc<Order>,
}

impl CancelToken {
    /// A token that only [`CancelToken::cancel`] sets off.
    #[must_use]
    pub fn new() -> CancelToken {
        CancelToken {
            order: Arc::new(Order::new(None)),
        }
    }

    /// A token that also sets itself off after `duration` from now.
    #[must_use]
    pub fn after(duration: Duration) -> CancelToken {
        CancelToken {
            order: Arc::new(Order::new(Instant::now().checked_add(duration))),
        }
    }

    /// Sets the token off, for good.
    pub fn cancel(&self) {
        self.order.cancel();
    }

    /// Whether [`CancelToken::cancel`] was called or the deadline has passed.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.order.is_due()
    }

    pub(crate) fn order(&self) -> &Arc<Order> {
        &self.order
    }
}

impl Default for CancelToken {
    fn default() -> CancelToken {
        CancelToken::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_in_the_past_is_passed() {
        assert!(CancelToken::after(Duration::ZERO).is_cancelled());
        assert!(!CancelToken::after(Duration::from_secs(3600)).is_cancelled());
    }

    #[test]
    fn a_duration_without_end_never_passes() {
        assert!(!CancelToken::after(Duration::MAX).is_cancelled());
    }
}
