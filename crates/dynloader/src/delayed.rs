//! A plugin whose top level runs when asked.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::compiled::{Artefact, Compiled};
use crate::contract::Contract;
use crate::load::Error;
use crate::loader::Loader;
use crate::loading::Loaded;
use crate::plugin::Plugin;
use crate::seal::Seal;
use crate::unit::Evaluation;

/// A loaded plugin that has not run. Each [`Delayed::run`] runs its top level, with fresh state.
pub struct Delayed<P: ?Sized> {
    form: Form,
    plugin: PhantomData<fn() -> P>,
}

enum Form {
    /// The top level is a function of the loaded code.
    Loaded { loaded: Loaded, contract: Contract },
    /// The top level is what loading does.
    Stored {
        loader: Loader,
        seal: Seal,
        bytes: Arc<[u8]>,
    },
}

impl<P: Plugin + ?Sized> Delayed<P> {
    pub(crate) fn loaded(loaded: Loaded) -> Delayed<P> {
        Delayed {
            form: Form::Loaded {
                loaded,
                contract: Contract::of::<P>(),
            },
            plugin: PhantomData,
        }
    }

    pub(crate) fn stored(loader: Loader, seal: Seal, bytes: Vec<u8>) -> Delayed<P> {
        Delayed {
            form: Form::Stored {
                loader,
                seal,
                bytes: bytes.into(),
            },
            plugin: PhantomData,
        }
    }

    /// Runs the top level on the calling thread and gives the plugin.
    ///
    /// # Errors
    /// [`Error::Raised`] when the top level raised an exception, called `exit` or overflowed the stack. It may be run
    /// again afterwards.
    pub fn run(&self) -> Result<P::Handle, Error> {
        let module = match &self.form {
            Form::Loaded { loaded, contract } => loaded.run(contract, Evaluation::OnDemand),
            Form::Stored {
                loader,
                seal,
                bytes,
            } => {
                let artefact = Artefact {
                    bytes: bytes.to_vec(),
                    fits: false,
                };
                let (seal, diagnostics) = (seal.clone(), Vec::new());
                loader.load_ready(
                    &Contract::of::<P>(),
                    Compiled {
                        seal,
                        artefact,
                        diagnostics,
                        from_cache: false,
                    },
                )
            }
        };
        P::bind(module?).map_err(Error::Bind)
    }
}

impl<P: ?Sized> fmt::Debug for Delayed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delayed").finish_non_exhaustive()
    }
}
