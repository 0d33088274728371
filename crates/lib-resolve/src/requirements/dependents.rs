//! Who requires a package, as findlib finds it.

use super::{Error, Requirements};
use crate::index::{BaseWarning, PackageId, PackageIndex};

impl Requirements {
    /// `Fl_package_base.package_users`: the packages of these names and all on the search path that require them, each before those
    /// that require it. The index must be a new one, since what findlib loads for this is more than its other questions see.
    pub(crate) fn findlib_dependents(
        &mut self,
        index: &mut PackageIndex,
        names: &[&[u8]],
        warn: &mut dyn FnMut(&BaseWarning),
    ) -> Result<Vec<PackageId>, Error> {
        let mut roots = Vec::with_capacity(names.len());
        for name in names {
            let found = index.find_bytes(name).map_err(Error::load)?;
            roots.push(found.ok_or_else(|| Error::not_found(name, None))?);
        }
        index.load_base(warn).map_err(Error::load)?;
        let loaded: Vec<PackageId> = index.packages().map(|package| package.id()).collect();
        self.relations(index, loaded)?.dependents(&roots)
    }
}
