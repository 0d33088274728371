//! What packages require under a set of predicates, and the order in which a set of packages links.

mod dependents;
mod error;
mod relations;
mod strict;

pub use error::Error;

use rustc_hash::FxHashSet;

use crate::index::{FileId, Package, PackageId, PackageIndex};
use crate::predicates::Predicates;
use crate::text;

/// The requirements of the packages of one [`PackageIndex`] under one set of predicates.
///
/// Each package's are looked up once. A value belongs to one index, and is of no use after a
/// [`rescan`](PackageIndex::rescan).
///
/// ```
/// use lib_resolve::{Configuration, PackageIndex, Predicates, Requirements};
/// # let directory = tempfile::tempdir()?;
/// # let lib = directory.path().to_path_buf();
/// for (name, meta) in [("a", r#"requires = "b,c""#), ("b", r#"requires = "c""#), ("c", "")] {
///     std::fs::create_dir(lib.join(name))?;
///     std::fs::write(lib.join(name).join("META"), meta)?;
/// }
/// let mut index = PackageIndex::new(Configuration::new([lib], "/usr/lib/ocaml"));
/// let mut requirements = Requirements::new(Predicates::parse("byte"));
/// let closure = requirements.closure(&mut index, ["a"])?;
/// let names: Vec<_> = closure.into_iter().map(|id| index.package(id).name()).collect();
/// assert_eq!(names, ["c", "b", "a"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Requirements {
    predicates: Predicates,
    /// By package; `None` until asked for.
    direct: Vec<Option<Box<[PackageId]>>>,
    /// By package: the walk that reached it last, and whether that walk has left it.
    visited: Vec<Visit>,
    walk: u32,
    /// What a walk has entered and not left; kept for its memory.
    stack: Vec<Frame>,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    package: PackageId,
    /// Which of its requirements is the next to go to.
    next: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Visit {
    walk: u32,
    left: bool,
}

/// Where a walk starts.
#[derive(Clone, Copy)]
enum Roots<'a> {
    Found(&'a [PackageId]),
    /// Looked up one by one, each after what the one before requires: findlib reports faults in that order.
    Named(&'a [&'a [u8]]),
}

impl Roots<'_> {
    fn len(self) -> usize {
        match self {
            Roots::Found(packages) => packages.len(),
            Roots::Named(names) => names.len(),
        }
    }

    fn get(self, position: usize, index: &mut PackageIndex) -> Result<PackageId, Error> {
        match self {
            Roots::Found(packages) => Ok(packages[position]),
            Roots::Named(names) => {
                let name = names[position];
                index
                    .find_bytes(name)
                    .map_err(Error::load)?
                    .ok_or_else(|| Error::not_found(name, None))
            }
        }
    }
}

/// What a walk over requirements found.
struct Walk {
    /// Post-order.
    order: Vec<PackageId>,
    /// A path of requirements from a package back to itself.
    cycle: Option<Vec<PackageId>>,
    /// The META files used, in the order of first use; empty unless asked for.
    files: Vec<FileId>,
}

impl Requirements {
    /// Requirements under these predicates.
    #[must_use]
    pub fn new(predicates: Predicates) -> Requirements {
        Requirements {
            predicates,
            direct: Vec::new(),
            visited: Vec::new(),
            walk: 0,
            stack: Vec::new(),
        }
    }

    /// The predicates under which requirements are looked up.
    #[must_use]
    pub fn predicates(&self) -> &Predicates {
        &self.predicates
    }

    /// The direct requirements of a package, in the order of META, repetitions included.
    ///
    /// When `mt` holds every package but `unix` and those of threads also requires `threads`, last, as findlib has it.
    ///
    /// # Errors
    /// A requirement does not exist, or the file that decides about it is wrong. The first one is reported.
    pub fn direct(
        &mut self,
        index: &mut PackageIndex,
        package: PackageId,
    ) -> Result<&[PackageId], Error> {
        let slot = package.index();
        if self.direct.len() <= slot {
            self.direct.resize(index.len().max(slot + 1), None);
        }
        if self.direct[slot].is_none() {
            let found = self.look_up(index, package)?;
            self.direct[slot] = Some(found);
        }
        Ok(self.direct[slot].as_deref().unwrap_or_default())
    }

    /// The packages and everything they require, each once, in linking order: depth-first post-order, roots and requirements
    /// from left to right.
    ///
    /// # Errors
    /// A root or requirement does not exist, a deciding file is wrong, or packages require each other in a circle. Only what the
    /// roots really require counts; compare [`Requirements::findlib_closure`].
    pub fn closure<'a>(
        &mut self,
        index: &mut PackageIndex,
        roots: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<PackageId>, Error> {
        let names: Vec<&[u8]> = roots.into_iter().map(str::as_bytes).collect();
        self.ordered(index, Roots::Named(&names))
    }

    /// As [`Requirements::closure`], for packages that have been found.
    ///
    /// # Errors
    /// As [`Requirements::closure`].
    pub fn closure_of(
        &mut self,
        index: &mut PackageIndex,
        roots: &[PackageId],
    ) -> Result<Vec<PackageId>, Error> {
        self.ordered(index, Roots::Found(roots))
    }

    fn ordered(
        &mut self,
        index: &mut PackageIndex,
        roots: Roots<'_>,
    ) -> Result<Vec<PackageId>, Error> {
        let walk = self.walk(index, roots, false)?;
        match walk.cycle {
            None => Ok(walk.order),
            Some(cycle) => Err(Error::cycle(index, &cycle)),
        }
    }

    fn look_up(&self, index: &mut PackageIndex, id: PackageId) -> Result<Box<[PackageId]>, Error> {
        let package = index.package(id);
        // A copy, since looking names up may load more.
        let mut names = package
            .lookup("requires", &self.predicates)
            .unwrap_or_default()
            .into_owned();
        if self.predicates.contains("mt") && gains_threads(package) {
            names.extend_from_slice(b" threads");
        }
        let mut found = Vec::new();
        for name in text::words(&names) {
            match index.find_bytes(name).map_err(Error::load)? {
                Some(requirement) => found.push(requirement),
                None => {
                    return Err(Error::not_found(name, Some(index.package(id).name_bytes())));
                }
            }
        }
        Ok(found.into())
    }

    /// Walks depth first without recursion, since chains of requirements may be long. A cycle does not end the walk: findlib
    /// reports missing packages first.
    fn walk(
        &mut self,
        index: &mut PackageIndex,
        roots: Roots<'_>,
        want_files: bool,
    ) -> Result<Walk, Error> {
        let walk = self.begin_walk();
        let mut result = Walk {
            order: Vec::with_capacity(16),
            cycle: None,
            files: Vec::new(),
        };
        let mut used = FxHashSet::default();
        // An error may have left something.
        self.stack.clear();
        for position in 0..roots.len() {
            let mut entering = Some(roots.get(position, index)?);
            loop {
                if let Some(package) = entering
                    .take()
                    .filter(|package| self.visit(*package).walk != walk)
                {
                    let requirements = self.direct(index, package)?;
                    if want_files {
                        let packages = std::iter::once(&package).chain(requirements);
                        let files = packages.map(|package| index.file_of(*package));
                        result.files.extend(files.filter(|file| used.insert(*file)));
                    }
                    *self.visit(package) = Visit { walk, left: false };
                    self.stack.push(Frame { package, next: 0 });
                }
                let Some(frame) = self.stack.last_mut() else {
                    break;
                };
                let package = frame.package;
                let requirements = self.direct[package.index()].as_deref().unwrap_or_default();
                if let Some(requirement) = requirements.get(frame.next).copied() {
                    frame.next += 1;
                    let visit = *self.visit(requirement);
                    if visit.walk != walk {
                        entering = Some(requirement);
                    } else if !visit.left && result.cycle.is_none() {
                        let stack = &self.stack;
                        let start = stack
                            .iter()
                            .position(|frame| frame.package == requirement)
                            .unwrap_or(0);
                        result.cycle =
                            Some(stack[start..].iter().map(|frame| frame.package).collect());
                    }
                } else {
                    self.stack.pop();
                    self.visit(package).left = true;
                    result.order.push(package);
                }
            }
        }
        Ok(result)
    }

    fn begin_walk(&mut self) -> u32 {
        if self.walk == u32::MAX {
            self.visited.clear();
            self.walk = 0;
        }
        self.walk += 1;
        self.walk
    }

    fn visit(&mut self, package: PackageId) -> &mut Visit {
        if self.visited.len() <= package.index() {
            self.visited.resize(package.index() + 1, Visit::default());
        }
        &mut self.visited[package.index()]
    }
}

/// `Fl_package_base.fixup_thread_needed_2`.
fn gains_threads(package: Package<'_>) -> bool {
    let name = package.name_bytes();
    name != b"unix" && name != b"threads" && !name.starts_with(b"threads.")
}
