//! Keeping what was read of the search path between processes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::PackageIndex;
use super::file::{Candidate, Content, Known, written};
use super::listing::{DirectoryListing, Listing};
use crate::cache::{self, Reader, Writer};
use crate::name::LibName;
use crate::stamp::Stamp;
use crate::{sys, text};

impl PackageIndex {
    /// Takes in what [`PackageIndex::keep`] wrote, for use where files and directories have not changed since: an unchanged META file costs
    /// one `stat`. Does nothing if the file does not exist. Scans the search path.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or is of another version. The index is then as before, and as good.
    pub fn recall(&mut self, file: &Path) -> Result<(), cache::Error> {
        let Some(body) = cache::read(file)? else {
            return Ok(());
        };
        let (listing, known) = parse(&Arc::new(body)).ok_or_else(|| cache::Error::damaged(file))?;
        self.known.extend(known);
        self.listing = Some(Listing::new(
            self.configuration.search_path_bytes(),
            Some(&listing),
        ));
        Ok(())
    }

    /// Writes down the listings of the search path and the META files that have been read, whole or not at all. Files that changed less
    /// than two seconds before they were read, and what was found through a relative path, are left out: it could not be told whether they
    /// are still the same.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, file: &Path) -> Result<(), cache::Error> {
        let mut writer = Writer::default();
        let directories = self.listing.iter().flat_map(|listing| &listing.directories);
        let directories: Vec<_> = directories
            .filter(|(path, listed)| listed.settled && !text::is_relative(path))
            .collect();
        writer.number(directories.len() as u64);
        for (path, listed) in directories {
            writer.text(path);
            listed.stamp.write(&mut writer);
            writer.number(listed.names.len() as u64);
            for (name, in_search_path) in &listed.names {
                writer.text(name);
                writer.flag(*in_search_path);
            }
        }
        let loaded: std::collections::HashSet<&[u8]> =
            self.files.iter().map(|file| &*file.path).collect();
        let read = self.files.iter().filter(|file| file.settled);
        let read = read.map(|file| (&file.path, file.stamp, written(&file.meta).into()));
        let unused = self
            .known
            .iter()
            .filter(|(path, _)| !loaded.contains(&path[..]));
        let unused = unused.map(|(path, known)| (path, known.stamp, known.stored()));
        let files: Vec<_> = read
            .chain(unused)
            .filter(|(path, ..)| !text::is_relative(path))
            .collect();
        writer.number(files.len() as u64);
        for (path, stamp, meta) in files {
            writer.text(path);
            stamp.write(&mut writer);
            writer.text(&meta);
        }
        cache::write(file, &writer.into_bytes())
    }

    /// How many META files [`PackageIndex::recall`] brought.
    pub(crate) fn recalled_count(&self) -> usize {
        self.known.len()
    }

    /// The paths on which what is found for a name depends: the META file that decides, those before it that are not there, and the files that
    /// its `exists_if`s name.
    pub(crate) fn watched_files(&mut self, name: &LibName) -> Vec<PathBuf> {
        let candidates: Vec<Candidate> = self.candidates(name.main().as_bytes()).collect();
        let deciding = candidates
            .iter()
            .position(|candidate| sys::exists(&candidate.path));
        let looked_at = deciding.map_or(candidates.len(), |position| position + 1);
        let mut watched: Vec<PathBuf> = candidates[..looked_at]
            .iter()
            .map(|candidate| sys::path_buf(&candidate.path))
            .collect();
        // A file that is wrong has no `exists_if`.
        let _ = self.find(name.main());
        let meta_file = watched.last().cloned();
        let packages = self.packages().chain(self.hidden_packages());
        let of_file = packages.filter(|package| Some(package.meta_file()) == meta_file);
        let files: Vec<PathBuf> = of_file
            .flat_map(|package| package.exists_if().unwrap_or_default())
            .collect();
        watched.extend(files);
        watched
    }
}

type Kept = (Listing, Vec<(Arc<[u8]>, Known)>);

fn parse(body: &Arc<cache::Body>) -> Option<Kept> {
    let mut reader = Reader::new(body);
    let mut listing = Listing::default();
    for _ in 0..reader.number()? {
        let path = reader.text()?;
        let stamp = Stamp::read(&mut reader)?;
        let mut names = Vec::new();
        for _ in 0..reader.number()? {
            names.push((reader.text()?.into(), reader.flag()?));
        }
        listing.directories.insert(
            path.into(),
            DirectoryListing {
                stamp,
                settled: true,
                names,
            },
        );
    }
    let mut known = Vec::new();
    for _ in 0..reader.number()? {
        let path = reader.text()?.into();
        let stamp = Stamp::read(&mut reader)?;
        let length = reader.text()?.len();
        let end = body.len() - reader.remaining();
        let content = Content::Stored(Arc::clone(body), end - length..end);
        known.push((path, Known { stamp, content }));
    }
    reader.is_at_end().then_some((listing, known))
}
