//! The plan of runs, and their compression by several threads.
use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::{BuildError, Builder, Progress};
use crate::digest::Digest;
use crate::format::codec::{Codec, Packer};
use crate::format::index::{Chunk, Index, MetadataRecord, NO_RUN, RECORD, Run};
use crate::format::superblock::{self, Superblock};
use crate::format::{CHUNK, MAJOR, MINOR};

/// The raw bytes of a run, as pieces that are joined before compression.
struct Plan<'a> {
    pieces: Vec<&'a [u8]>,
    length: usize,
}

/// Where a file's bytes were put, by digest: equal files share them.
type Places = HashMap<Digest, (u32, u64)>;

pub(super) fn pack(
    builder: &Builder,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<u8>, BuildError> {
    let digests: Vec<Digest> = builder
        .files
        .values()
        .map(|file| Digest::of(&file.contents))
        .collect();
    let (mut plans, places) = plan(builder, &digests);
    let mut index = Index::default();
    for ((name, file), digest) in builder.files.iter().zip(&digests) {
        let place = places.get(digest).copied().unwrap_or((NO_RUN, 0));
        index.push(
            name,
            file.executable,
            file.group,
            place,
            (file.contents.len() as u64, *digest),
        );
    }
    if let Some((version, json)) = &builder.metadata {
        index.metadata = Some(MetadataRecord {
            version: *version,
            run: plans.len() as u32,
            length: json.len() as u64,
            digest: Digest::of(json),
        });
        plans.push(Plan {
            pieces: vec![json],
            length: json.len(),
        });
    }
    let raw = cut(&plans, &mut index);
    let level = builder.level.get();
    let packed = compress(&raw, level, builder.threads, progress)
        .map_err(|source| BuildError::Compress { level, source })?;
    Ok(assemble(index, &raw, packed))
}

/// Large files get a run each. Small ones share runs of one chunk, sorted so that like lies with like.
fn plan<'a>(builder: &'a Builder, digests: &[Digest]) -> (Vec<Plan<'a>>, Places) {
    let mut plans: Vec<Plan<'a>> = Vec::new();
    let mut places = Places::new();
    let mut small = Vec::new();
    for ((name, file), digest) in builder.files.iter().zip(digests) {
        let bytes = &file.contents[..];
        if bytes.is_empty() || places.contains_key(digest) {
            continue;
        }
        // Known from here on, so that an equal file is skipped; a small file's place is set below.
        places.insert(*digest, (plans.len() as u32, 0));
        if bytes.len() >= CHUNK {
            plans.push(Plan {
                pieces: vec![bytes],
                length: bytes.len(),
            });
        } else {
            let extension = name
                .rsplit('/')
                .next()
                .and_then(|base| base.rsplit_once('.'))
                .map_or("", |(_, extension)| extension);
            small.push((file.group, extension, name, bytes, *digest));
        }
    }
    small.sort_by_key(|&(group, extension, name, ..)| (group, extension, name));
    let mut open: Option<(u8, Plan<'a>)> = None;
    for (group, _, _, bytes, digest) in small {
        // A run holds one group, so that extracting another does not unpack it.
        if let Some((_, full)) =
            open.take_if(|(of, plan)| *of != group || plan.length + bytes.len() > CHUNK)
        {
            plans.push(full);
        }
        let (_, plan) = open.get_or_insert((
            group,
            Plan {
                pieces: Vec::new(),
                length: 0,
            },
        ));
        places.insert(digest, (plans.len() as u32, plan.length as u64));
        plan.pieces.push(bytes);
        plan.length += bytes.len();
    }
    plans.extend(open.map(|(_, plan)| plan));
    (plans, places)
}

/// Cuts the runs into chunks and enters both into the index; the chunks' places come later.
fn cut(plans: &[Plan<'_>], index: &mut Index) -> Vec<Vec<u8>> {
    let mut raw = Vec::new();
    for plan in plans {
        let first = raw.len();
        let joined = plan.pieces.concat();
        raw.extend(joined.chunks(CHUNK).map(<[u8]>::to_vec));
        index.runs.push(Run {
            chunks: first..raw.len(),
            raw: plan.length as u64,
        });
    }
    raw
}

/// A chunk's number, and the chunk packed.
type Numbered = (usize, io::Result<(Codec, Vec<u8>)>);

fn compress(
    raw: &[Vec<u8>],
    level: i32,
    threads: Option<NonZeroUsize>,
    progress: &mut dyn FnMut(Progress),
) -> io::Result<Vec<(Codec, Vec<u8>)>> {
    let total = raw.iter().map(|chunk| chunk.len() as u64).sum();
    let threads = threads
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get)
        .clamp(1, raw.len().max(1));
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let work = |sender: mpsc::Sender<Numbered>| {
        let mut packer = None;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(chunk) = raw.get(number) else { return };
            let result = match &mut packer {
                Some(packer) => Ok(packer),
                none => Packer::new(level).map(|packer| none.insert(packer)),
            }
            .and_then(|packer| packer.pack(chunk));
            if sender.send((number, result)).is_err() {
                return;
            }
        }
    };
    let mut packed: Vec<Option<(Codec, Vec<u8>)>> = vec![None; raw.len()];
    thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(|| work(sender));
        }
        drop(sender);
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
        .map(|chunk| chunk.ok_or_else(|| io::Error::other("a thread ended early")))
        .collect()
}

fn assemble(mut index: Index, raw: &[Vec<u8>], packed: Vec<(Codec, Vec<u8>)>) -> Vec<u8> {
    let mut bytes = vec![0; superblock::LENGTH];
    for (raw, (codec, packed)) in raw.iter().zip(packed) {
        index.chunks.push(Chunk {
            offset: bytes.len() as u64,
            packed: packed.len() as u32,
            raw: raw.len() as u32,
            codec,
        });
        bytes.extend(packed);
    }
    let encoded = index.encode();
    let superblock = Superblock {
        major: MAJOR,
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
