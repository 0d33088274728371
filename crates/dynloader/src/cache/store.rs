//! What a cache asks of its storage.

use async_trait::async_trait;

use super::{Error, Key};

/// A place that keeps bytes under keys. The bytes are verified by who asks, so a store may lose, swap or damage them and
/// no plugin is ever loaded that was not stored; it is compiled again.
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync {
    /// The bytes stored for `key`, or `None`.
    ///
    /// # Errors
    /// When it cannot be known, and the caller should hear of it.
    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Error>;

    /// Other keys that differ from `key` in the compiler alone, the most recent first. Default: none.
    ///
    /// # Errors
    /// As for [`Store::get`].
    async fn others(&self, key: &Key) -> Result<Vec<Key>, Error> {
        let _ = key;
        Ok(Vec::new())
    }

    /// Stores bytes for `key`, in place of what was there.
    ///
    /// # Errors
    /// When they could not be stored and the caller should hear of it.
    async fn put(&self, key: &Key, bytes: &[u8]) -> Result<(), Error>;
}
