//! What the fuzz targets share: a meter of memory, and header blocks as text.
//!
//! A target runs code on a peer's bytes under [`assert_bounded`], which counts the bytes allocated at once: memory must
//! follow what was received, whatever the bytes announce. Header blocks are lines of `name: value`, so that seeds and
//! findings can be read; lines that HTTP itself refuses are passed over, as a peer's would be before we see them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// Runs the code and checks that it never held more than `factor` times `received` bytes and a small constant.
pub fn assert_bounded<T>(received: usize, factor: usize, code: impl FnOnce() -> T) -> T {
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = code();
    let grown = PEAK.load(Relaxed).saturating_sub(before);
    let allowed = CONSTANT + factor * received;
    assert!(grown <= allowed, "held {grown} bytes for {received} received, {allowed} are allowed");
    result
}

/// Reads a header block; the pseudo-header fields come first and apart.
pub fn header_block(text: &[u8]) -> (Vec<(&[u8], &[u8])>, HeaderMap) {
    let mut pseudo = Vec::new();
    let mut headers = HeaderMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().skip(1).position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..=colon], line[colon + 2..].trim_ascii_start());
        if name.starts_with(b":") {
            pseudo.push((name, value));
        } else if let (Ok(name), Ok(value)) =
            (HeaderName::from_lowercase(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    (pseudo, headers)
}

struct Meter;

// SAFETY: every call goes to the system's allocator unchanged; beside it, two counters are kept.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(held, Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static METER: Meter = Meter;
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Room for errors, texts and the first allocation of a map.
const CONSTANT: usize = 16 * 1024;
