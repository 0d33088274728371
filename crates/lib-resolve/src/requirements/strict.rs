//! findlib's own closure, which also fails for faults that the roots do not depend on.

use std::collections::HashSet;

use super::{Error, Requirements, Roots};
use crate::index::{FileId, PackageId, PackageIndex};

impl Requirements {
    /// As [`Requirements::closure`], and as `ocamlfind query -r`: `Fl_package_base.requires_deeply` relates *all* packages of
    /// the META files that the closure uses, so a circle among them, or a file in bad syntax that one of them requires, is an error even
    /// when no root depends on it.
    ///
    /// # Errors
    /// Those of [`Requirements::closure`], and those just described.
    pub fn findlib_closure<'a>(
        &mut self,
        index: &mut PackageIndex,
        roots: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<PackageId>, Error> {
        let names: Vec<&[u8]> = roots.into_iter().collect();
        self.findlib_closure_after(index, &[], &names)
    }

    /// As [`Requirements::findlib_closure`], in a process that has looked at some packages before.
    pub(crate) fn findlib_closure_after(
        &mut self,
        index: &mut PackageIndex,
        seen: &[PackageId],
        roots: &[&[u8]],
    ) -> Result<Vec<PackageId>, Error> {
        let walk = self.walk(index, Roots::Named(roots), true)?;
        let mut files: Vec<FileId> = Vec::new();
        let mut used = HashSet::new();
        let seen = seen.iter().map(|package| index.file_of(*package));
        files.extend(seen.chain(walk.files).filter(|file| used.insert(*file)));
        let related: Vec<PackageId> = files
            .iter()
            .flat_map(|file| index.file_packages(*file))
            .collect();
        let related: Vec<PackageId> = related
            .into_iter()
            .filter(|id| !index.package(*id).is_hidden())
            .collect();
        self.relations(index, related)?;
        Ok(walk.order)
    }
}
