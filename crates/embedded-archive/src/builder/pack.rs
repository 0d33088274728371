//! The plan of runs, and their compression by several threads.
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::weave::weave;
use super::{BuildError, Builder, Progress};
use crate::digest::Digest;
use crate::format::codec::{Codec, Packer};
use crate::format::index::{Chunk, Frame, Index, MetadataRecord, NO_RUN, RECORD, Record, Run};
use crate::format::superblock::{self, Superblock};
use crate::format::{MAJOR, MINOR, WOVEN, branch};

/// Files of this length and more are long: they are put in common runs, for programs of one compiler, and a runtime beside them,
/// share code.
const LONG: usize = 1 << 20;
/// How much a run of long files, of machine code and of other files holds, unless one file alone is longer.
const RUNS: [usize; 3] = [48 << 20, 12 << 20, 4 << 20];

/// A file to be packed.
struct Item<'a> {
    name: &'a str,
    group: u8,
    contents: Cow<'a, [u8]>,
    digest: Digest,
    filtered: bool,
}

/// The bytes of a run.
#[derive(Default)]
struct Contents {
    raw: Vec<u8>,
    /// Where files of machine code are.
    programs: Vec<Range<usize>>,
}

/// Where a file's bytes were put, by digest: equal files share them.
type Places = HashMap<Digest, (u32, u64, bool)>;

pub(super) fn pack(
    builder: &Builder,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<u8>, BuildError> {
    let digests: Vec<Digest> = builder
        .files
        .values()
        .map(|file| Digest::of(&file.contents))
        .collect();
    let (mut runs, places) = plan(items(builder, &digests));
    let mut index = Index::default();
    for ((name, file), digest) in builder.files.iter().zip(&digests) {
        let (run, offset, filtered) = places.get(digest).copied().unwrap_or((NO_RUN, 0, false));
        let (executable, group, length) = (file.executable, file.group, file.contents.len() as u64);
        index.push(
            name,
            Record {
                digest: *digest,
                offset,
                length,
                run,
                executable,
                filtered,
                group,
                ..Record::EMPTY
            },
        );
    }
    if let Some((version, json)) = &builder.metadata {
        index.metadata = Some(MetadataRecord {
            version: *version,
            run: runs.len() as u32,
            length: json.len() as u64,
            digest: Digest::of(json),
        });
        runs.push(Contents {
            raw: json.clone(),
            programs: Vec::new(),
        });
    }
    let mut raw = Vec::new();
    for run in &runs {
        let (frames, chunks) = weave(&run.raw, &run.programs);
        let first = index.chunks.len();
        let chunk = |(frame, length)| Chunk {
            frame: raw.len() + frame,
            raw: length,
        };
        index.chunks.extend(chunks.into_iter().map(chunk));
        index.runs.push(Run {
            chunks: first..index.chunks.len(),
            raw: run.raw.len() as u64,
        });
        raw.extend(frames);
    }
    let level = builder.level.get();
    let packed = compress(&raw, level, builder.threads, progress)
        .map_err(|source| BuildError::Compress { level, source })?;
    Ok(assemble(index, &raw, packed))
}

/// The files that are not empty, each contents once.
fn items<'a>(builder: &'a Builder, digests: &[Digest]) -> Vec<Item<'a>> {
    let mut seen = HashSet::new();
    let files = builder
        .files
        .iter()
        .zip(digests)
        .filter(|((_, file), digest)| !file.contents.is_empty() && seen.insert(**digest));
    files
        .map(|((name, file), digest)| {
            let filtered = branch::is_wanted(&file.contents);
            let mut contents = Cow::Borrowed(&file.contents[..]);
            if filtered {
                branch::filter(contents.to_mut());
            }
            Item {
                name,
                group: file.group,
                contents,
                digest: *digest,
                filtered,
            }
        })
        .collect()
}

/// Joins files to runs: like with like.
fn plan(items: Vec<Item<'_>>) -> (Vec<Contents>, Places) {
    let mut group_sizes: HashMap<u8, usize> = HashMap::new();
    for item in &items {
        *group_sizes.entry(item.group).or_default() += item.contents.len();
    }
    let mut classes: [Vec<Item<'_>>; 3] = Default::default();
    for item in items {
        let class = match item.contents.len() {
            LONG.. => 0,
            _ if item.filtered => 1,
            _ => 2,
        };
        classes[class].push(item);
    }
    // A run is unpacked from its start: the smallest group comes first, so that it is cheap to extract alone.
    classes[0].sort_by_key(|item| {
        (
            group_sizes[&item.group],
            item.group,
            Reverse(item.contents.len()),
            item.name,
        )
    });
    classes[1].sort_by_key(|item| (item.group, item.name));
    classes[2].sort_by_key(|item| (item.group, extension(item.name), item.name));
    let (mut runs, mut places) = (Vec::new(), Places::new());
    for (class, (items, limit)) in classes.iter().zip(RUNS).enumerate() {
        let mut open: Option<(u8, Contents)> = None;
        for item in items {
            // Runs of the shorter files hold one group, so that extracting another does not unpack it.
            let is_full = |(group, run): &mut (u8, Contents)| {
                run.raw.len() + item.contents.len() > limit || (class > 0 && *group != item.group)
            };
            runs.extend(open.take_if(is_full).map(|(_, run)| run));
            let (_, run) = open.get_or_insert_with(|| (item.group, Contents::default()));
            places.insert(
                item.digest,
                (runs.len() as u32, run.raw.len() as u64, item.filtered),
            );
            let start = run.raw.len();
            run.raw.extend_from_slice(&item.contents);
            run.programs
                .extend(item.filtered.then_some(start..run.raw.len()));
        }
        runs.extend(open.map(|(_, run)| run));
    }
    (runs, places)
}

fn extension(name: &str) -> &str {
    name.rsplit('/')
        .next()
        .and_then(|base| base.rsplit_once('.'))
        .map_or("", |(_, extension)| extension)
}

/// A frame's number, and the frame packed.
type Numbered = (usize, io::Result<(Codec, Vec<u8>)>);

fn compress(
    raw: &[Cow<'_, [u8]>],
    level: i32,
    threads: Option<NonZeroUsize>,
    progress: &mut dyn FnMut(Progress),
) -> io::Result<Vec<(Codec, Vec<u8>)>> {
    let total = raw.iter().map(|frame| frame.len() as u64).sum();
    let threads = threads
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get)
        .clamp(1, raw.len().max(1));
    // The longest first, so that threads finish together.
    let mut order: Vec<usize> = (0..raw.len()).collect();
    order.sort_by_key(|&number| Reverse(raw[number].len()));
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let work = |sender: mpsc::Sender<Numbered>| {
        let mut packer = None;
        loop {
            let Some(&number) = order.get(next.fetch_add(1, Ordering::Relaxed)) else {
                return;
            };
            let result = match &mut packer {
                Some(packer) => Ok(packer),
                none => Packer::new(level).map(|packer| none.insert(packer)),
            }
            .and_then(|packer| packer.pack(&raw[number]));
            if sender.send((number, result)).is_err() {
                return;
            }
        }
    };
    let mut packed: Vec<Option<(Codec, Vec<u8>)>> = vec![None; raw.len()];
    thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..threads {
            let sender = sender.clone();
            let thread = thread::Builder::new().spawn_scoped(scope, || work(sender));
            started += usize::from(thread.is_ok());
        }
        if started == 0 {
            work(sender);
        } else {
            drop(sender);
        }
        let mut done = 0;
        progress(Progress { done, total });
        for (number, result) in receiver {
            packed[number] = Some(result?);
            done += raw[number].len() as u64;
            progress(Progress { done, total });
        }
        Ok::<(), io::Error>(())
    })?;
    packed
        .into_iter()
        .map(|frame| frame.ok_or_else(|| io::Error::other("a thread ended early")))
        .collect()
}

fn assemble(mut index: Index, raw: &[Cow<'_, [u8]>], packed: Vec<(Codec, Vec<u8>)>) -> Vec<u8> {
    let mut bytes = vec![0; superblock::LENGTH];
    for (raw, (codec, packed)) in raw.iter().zip(packed) {
        index.frames.push(Frame {
            offset: bytes.len() as u64,
            packed: packed.len() as u32,
            raw: raw.len() as u64,
            codec,
        });
        bytes.extend(packed);
    }
    let encoded = index.encode();
    let superblock = Superblock {
        major: if index.is_woven() { WOVEN } else { MAJOR },
        minor: MINOR,
        record_size: RECORD,
        archive_length: (bytes.len() + encoded.len()) as u64,
        index_offset: bytes.len() as u64,
        index_length: encoded.len() as u64,
        distance: 0,
        tree: index.tree_hash().finish(),
        index_digest: *blake3::hash(&encoded).as_bytes(),
    };
    bytes.extend(encoded);
    bytes[..superblock::LENGTH].copy_from_slice(&superblock.encode());
    bytes
}
