//! Groups of files, and the selection of some of them.

/// A group of files, numbered by the packer; the archive gives the numbers no meaning.
///
/// ```
/// use embedded_archive::Group;
///
/// const DOCUMENTATION: Group = Group(7);
/// assert_ne!(DOCUMENTATION, Group::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Group(pub u8);

/// Which files of an archive an operation is about.
///
/// ```
/// use embedded_archive::{Group, Selection};
///
/// let both = Selection::group(Group(1)).and(Group(2));
/// assert!(both.has(Group(2)) && !both.has(Group(0)));
/// assert!(Selection::all().has(Group(200)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Selection([u64; 4]);

impl Selection {
    /// Every file.
    #[must_use]
    pub const fn all() -> Self {
        Self([u64::MAX; 4])
    }

    /// No file; a start for [`Selection::and`].
    #[must_use]
    pub const fn none() -> Self {
        Self([0; 4])
    }

    /// The files of one group.
    #[must_use]
    pub const fn group(group: Group) -> Self {
        Self::none().and(group)
    }

    /// The same, and the files of `group`.
    #[must_use]
    pub const fn and(mut self, group: Group) -> Self {
        self.0[(group.0 / 64) as usize] |= 1 << (group.0 % 64);
        self
    }

    /// Whether the files of `group` are selected.
    #[must_use]
    pub const fn has(&self, group: Group) -> bool {
        self.0[(group.0 / 64) as usize] & (1 << (group.0 % 64)) != 0
    }
}

impl Default for Selection {
    /// Every file.
    fn default() -> Self {
        Self::all()
    }
}

impl FromIterator<Group> for Selection {
    fn from_iter<I: IntoIterator<Item = Group>>(groups: I) -> Self {
        groups.into_iter().fold(Self::none(), Self::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_holds_exactly_the_groups_put_into_it() {
        let chosen = [0u8, 63, 64, 127, 128, 191, 192, 255];
        let selection: Selection = chosen.iter().map(|&group| Group(group)).collect();
        for group in 0..=255 {
            assert_eq!(
                selection.has(Group(group)),
                chosen.contains(&group),
                "{group}"
            );
        }
    }
}
