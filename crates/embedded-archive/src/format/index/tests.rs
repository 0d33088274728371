//! Tests of the index: round trips, and each rule broken alone with the digests made right again.
use super::*;
use crate::format::codec::Codec;
use crate::format::{MAJOR, WOVEN, superblock};

fn frame(offset: u64, packed: u32, raw: u64) -> Frame {
    Frame {
        offset,
        packed,
        raw,
        codec: Codec::Zstd,
    }
}

fn chunk(frame: usize, raw: u32) -> Chunk {
    Chunk { frame, raw }
}

fn record((run, offset): (u32, u64), (length, digest): (u64, Digest), group: u8) -> Record {
    Record {
        run,
        offset,
        length,
        digest,
        group,
        ..Record::EMPTY
    }
}

/// Two runs, one of them of two chunks; four files, two of which share their bytes; metadata.
fn sample() -> Index {
    let mut index = Index {
        frames: vec![frame(128, 10, 50), frame(138, 20, 50), frame(160, 5, 40)],
        chunks: vec![chunk(0, 50), chunk(1, 50), chunk(2, 40)],
        ..Index::default()
    };
    index.runs = vec![
        Run {
            chunks: 0..2,
            raw: 100,
        },
        Run {
            chunks: 2..3,
            raw: 40,
        },
    ];
    let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
    index.push("a", record((0, 0), (100, one), 0));
    index.records[0].executable = true;
    index.push("d/b", record((1, 0), (30, two), 3));
    index.push("d/c", record((1, 0), (30, two), 3));
    index.push("e", record((NO_RUN, 0), (0, Digest::of(b"")), 255));
    index.metadata = None;
    index
}

fn superblock_of(index: &Index) -> Superblock {
    let bytes = index.encode();
    Superblock {
        major: if index.is_woven() { WOVEN } else { MAJOR },
        minor: MINOR,
        record_size: RECORD,
        archive_length: 200 + bytes.len() as u64,
        index_offset: 200,
        index_length: bytes.len() as u64,
        distance: 0,
        tree: index.tree_hash().finish(),
        index_digest: *blake3::hash(&bytes).as_bytes(),
    }
}

fn reparse(index: &Index) -> Result<Index, Damage> {
    Index::parse(&index.encode(), &superblock_of(index))
}

#[test]
fn what_is_written_is_read_back() {
    assert_eq!(reparse(&sample()), Ok(sample()));
    let index = Index {
        metadata: Some(MetadataRecord {
            version: 3,
            run: 1,
            length: 30,
            digest: Digest::of(b"2"),
        }),
        ..sample()
    };
    assert_eq!(reparse(&index), Ok(index));
    assert_eq!(reparse(&Index::default()), Ok(Index::default()));
}

#[test]
fn files_are_found_by_name() {
    let index = sample();
    for record in &index.records {
        assert_eq!(index.find(index.name(record)), Some(record));
    }
    for absent in ["", "b", "d", "d/", "f"] {
        assert_eq!(index.find(absent), None);
    }
}

#[test]
fn an_index_that_breaks_a_rule_is_refused_though_its_digests_fit() {
    type Change = fn(&mut Index);
    let changes: [(&str, Change); 17] = [
        ("overlapping frames", |index| index.frames[1].offset = 137),
        ("a frame in the superblock", |index| {
            index.frames[0].offset = superblock::LENGTH as u64 - 1
        }),
        ("a frame in the index", |index| index.frames[2].offset = 198),
        ("a frame's offset overflows", |index| {
            index.frames[2].offset = u64::MAX
        }),
        ("a chunk of no bytes", |index| index.chunks[0].raw = 0),
        ("a frame longer packed than raw", |index| {
            index.frames[0].packed = 51
        }),
        ("a filter on a file of another's place", |index| {
            index.records[1].filtered = true
        }),
        ("a run of no chunks", |index| index.runs[1].chunks = 2..2),
        ("a run's end", |index| index.runs[1].chunks = 2..4),
        ("runs that share a chunk", |index| {
            index.runs[1].chunks = 1..3
        }),
        ("a file beyond its run", |index| {
            index.records[0].length = 101
        }),
        ("a file's offset overflows", |index| {
            index.records[0].offset = u64::MAX
        }),
        ("no such run", |index| index.records[0].run = 2),
        ("different files at one place", |index| {
            index.records[1].digest = Digest::of(b"3")
        }),
        ("an empty file in a run", |index| index.records[3].run = 0),
        ("an empty file with the digest of another", |index| {
            index.records[3].digest = Digest::of(b"1")
        }),
        ("metadata in no run", |index| {
            index.metadata = Some(MetadataRecord {
                version: 1,
                run: 9,
                length: 1,
                digest: Digest::of(b""),
            })
        }),
    ];
    for (what, change) in changes {
        let mut index = sample();
        change(&mut index);
        assert!(
            matches!(reparse(&index), Err(Damage::Index(_))),
            "{what}: {:?}",
            reparse(&index)
        );
    }
}

/// A run of two frames that alternate, and a run of one.
fn woven() -> Index {
    let mut index = sample();
    index.frames = vec![frame(128, 10, 60), frame(138, 20, 40), frame(160, 5, 40)];
    index.chunks = vec![
        chunk(0, 50),
        chunk(1, 30),
        chunk(0, 10),
        chunk(1, 10),
        chunk(2, 40),
    ];
    (index.runs[0].chunks, index.runs[1].chunks) = (0..4, 4..5);
    index
}

#[test]
fn a_woven_run_is_read_back_in_its_version_alone() {
    assert_eq!(reparse(&woven()), Ok(woven()));
    let older = Superblock {
        major: MAJOR,
        ..superblock_of(&woven())
    };
    assert_eq!(
        Index::parse(&woven().encode(), &older),
        Err(Damage::Index("a chunk's codec"))
    );
    assert_eq!(
        lanes(&woven().chunks),
        Some(vec![0, 1, 0, 1, 0]),
        "a lane that is free is used again"
    );
}

#[test]
fn a_woven_run_that_breaks_a_rule_is_refused() {
    type Change = fn(&mut Index);
    let changes: [(&str, Change); 5] = [
        ("a frame that is not there", |index| {
            index.chunks[3].frame = 7
        }),
        ("a frame of two runs", |index| {
            (index.runs[0].chunks, index.runs[1].chunks) = (0..3, 3..5);
            index.runs[1].raw = 50;
        }),
        ("a frame longer packed than raw", |index| {
            index.frames[0].packed = 61;
            index.frames[1].offset = 200;
        }),
        ("a stored frame of another length", |index| {
            index.frames[1].codec = Codec::Stored
        }),
        ("five frames open at once", |index| {
            index.frames = (0..5).map(|number| frame(128 + number, 1, 2)).collect();
            index.chunks = (0..10).map(|number| chunk(number % 5, 1)).collect();
            index.runs = vec![Run {
                chunks: 0..10,
                raw: 10,
            }];
        }),
    ];
    for (what, change) in changes {
        let mut index = woven();
        change(&mut index);
        assert!(
            matches!(reparse(&index), Err(Damage::Index(_) | Damage::Limit(_))),
            "{what}: {:?}",
            reparse(&index)
        );
    }
}

#[test]
fn names_are_checked_by_the_reader_too() {
    for names in [
        &["../a"][..],
        &["/a"],
        &["a", "a"],
        &["b", "a"],
        &["a", "a-b", "a/b"],
        &[""],
        &["a\0"],
        &["a\\b"],
    ] {
        let mut index = Index::default();
        for name in names {
            index.push(name, Record::EMPTY);
        }
        assert!(
            matches!(reparse(&index), Err(Damage::Index(_))),
            "{names:?}"
        );
    }
}

#[test]
fn totals_beyond_the_limit_are_refused() {
    let mut index = sample();
    index.runs = vec![Run {
        chunks: 0..3,
        raw: 140,
    }];
    for record in &mut index.records[..3] {
        (record.run, record.offset, record.length) = (0, 0, MAX_TOTAL / 2);
    }
    assert_eq!(
        reparse(&index),
        Err(Damage::Limit("the total of file lengths"))
    );
}

#[test]
fn counts_that_do_not_fit_the_length_allocate_nothing() {
    let index = sample();
    for at in [0, 4, 8, 12] {
        let mut bytes = index.encode();
        bytes[at..][..4].copy_from_slice(&(u32::MAX / 2).to_le_bytes());
        let superblock = Superblock {
            index_digest: *blake3::hash(&bytes).as_bytes(),
            ..superblock_of(&index)
        };
        assert!(Index::parse(&bytes, &superblock).is_err(), "count at {at}");
    }
}

#[test]
fn another_tree_identity_is_refused() {
    let index = sample();
    let superblock = Superblock {
        tree: crate::TreeId::from_bytes([0; 32]),
        ..superblock_of(&index)
    };
    assert_eq!(
        Index::parse(&index.encode(), &superblock),
        Err(Damage::Index("the identity of the tree"))
    );
}

#[test]
fn a_newer_minor_version_may_lengthen_records_and_append_tables() {
    let index = sample();
    let bytes = index.encode();
    let records = HEADER + 3 * CHUNK_ENTRY + 2 * RUN_ENTRY;
    let mut longer = bytes[..records].to_vec();
    for record in bytes[records..][..4 * usize::from(RECORD)].chunks(usize::from(RECORD)) {
        longer.extend(record);
        longer.extend([0xee; 8]);
    }
    longer.extend(&bytes[records + 4 * usize::from(RECORD)..]);
    longer.extend(b"a table of the future");
    let superblock = Superblock {
        minor: MINOR + 1,
        record_size: RECORD + 8,
        index_digest: *blake3::hash(&longer).as_bytes(),
        ..superblock_of(&index)
    };
    assert_eq!(Index::parse(&longer, &superblock), Ok(index));
}
