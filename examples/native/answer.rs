//! answer.rs - answer.c in Rust, without a crate.
//!
//!     rustc --edition 2021 -L native=/usr/local/lib answer.rs
//!     ./answer [prefix] & bun ask.ts [prefix]

use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_void};
use std::ptr;

mod ffi {
    use super::{c_char, c_void};

    pub const ABI_VERSION: u32 = 9;
    pub const CHANNEL: u32 = 2;
    pub const QUEUE: u32 = 3;
    pub const OK: i32 = 0;
    pub const NO_RECEIVERS: i32 = -2;
    pub const E_BUFFER_TOO_SMALL: i32 = -13;

    /// `ipc_options` in `libipc/options.h`: the same fields in the same order. The last ones may be left out.
    #[repr(C)]
    #[derive(Default)]
    pub struct Options {
        pub struct_size: u32,
        pub kind: u32,
        pub capacity: u32,
        pub max_receivers: u32,
        pub permissions: u32,
        pub overflow: u32,
        pub from_oldest: u32,
        pub first_position: u32,
        pub mode: u32,
        pub initial: u32,
        pub robust: u32,
        pub lossy: u32,
        pub size: u64,
    }

    /// `ipc_failure` in `libipc/status.h`.
    #[repr(C)]
    pub struct Failure {
        pub code: i32,
        pub system_error: i32,
        pub option: i32,
        pub pid: i32,
        pub found: u64,
        pub wanted: u64,
        pub cause: u32,
        pub reserved: u32,
        pub codec: [c_char; 64],
        pub dead_letter: [c_char; 136],
        pub path: [c_char; 1296],
    }

    #[link(name = "ipc")]
    extern "C" {
        pub fn ipc_abi_version() -> u32;
        pub fn ipc_status_text(status: i32) -> *const c_char;
        pub fn ipc_failure_text(failure: *const Failure, text: *mut c_char, size: u32) -> u32;
        pub fn ipc_receiver_open(
            prefix: *const c_char,
            name: *const c_char,
            options: *const Options,
            failure: *mut Failure,
        ) -> *mut c_void;
        pub fn ipc_receiver_recv(receiver: *mut c_void, target: *mut u8, capacity: u32, timeout_ms: i32) -> i32;
        pub fn ipc_receiver_next_length(receiver: *mut c_void) -> i32;
        pub fn ipc_receiver_close(receiver: *mut c_void);
        pub fn ipc_sender_open(
            prefix: *const c_char,
            name: *const c_char,
            options: *const Options,
            failure: *mut Failure,
        ) -> *mut c_void;
        pub fn ipc_sender_send(sender: *mut c_void, bytes: *const u8, length: u32, timeout_ms: i32) -> i32;
        pub fn ipc_sender_close(sender: *mut c_void);
    }
}

type Open =
    unsafe extern "C" fn(*const c_char, *const c_char, *const ffi::Options, *mut ffi::Failure) -> *mut c_void;

fn open(function: Open, prefix: &str, name: &str, kind: u32) -> Result<*mut c_void, String> {
    let options = ffi::Options { struct_size: std::mem::size_of::<ffi::Options>() as u32, kind, ..Default::default() };
    let prefix = CString::new(prefix).map_err(|error| error.to_string())?;
    let name = CString::new(name).map_err(|error| error.to_string())?;
    // SAFETY: an ipc_failure of zeros is valid, and all addresses are until the call returns.
    unsafe {
        let mut failure: ffi::Failure = std::mem::zeroed();
        let opened = function(prefix.as_ptr(), name.as_ptr(), &options, &mut failure);
        if !opened.is_null() {
            return Ok(opened);
        }
        let mut text = vec![0u8; ffi::ipc_failure_text(&failure, ptr::null_mut(), 0) as usize + 1];
        ffi::ipc_failure_text(&failure, text.as_mut_ptr().cast(), text.len() as u32);
        text.pop();
        Err(String::from_utf8_lossy(&text).into_owned())
    }
}

fn text_of(status: i32) -> String {
    // SAFETY: the text is never freed.
    unsafe { CStr::from_ptr(ffi::ipc_status_text(status)) }.to_string_lossy().into_owned()
}

/// Belongs to the thread that opens it. The raw address keeps Rust from sending it to another one.
struct Receiver(*mut c_void);

impl Receiver {
    fn open(prefix: &str, name: &str, kind: u32) -> Result<Self, String> {
        open(ffi::ipc_receiver_open, prefix, name, kind).map(Self)
    }

    /// Waits for the next message, and replaces the content of the buffer by it.
    fn recv(&mut self, buffer: &mut Vec<u8>) -> Result<(), String> {
        loop {
            buffer.resize(buffer.capacity(), 0);
            // SAFETY: the receiver is open, and the buffer has the length that is given.
            let length = unsafe { ffi::ipc_receiver_recv(self.0, buffer.as_mut_ptr(), buffer.len() as u32, -1) };
            if length == ffi::E_BUFFER_TOO_SMALL {
                // SAFETY: the receiver is open. The message is still the next one.
                let wanted = unsafe { ffi::ipc_receiver_next_length(self.0) };
                buffer.resize(wanted.max(0) as usize, 0);
                continue;
            }
            if length < 0 {
                return Err(text_of(length));
            }
            buffer.truncate(length as usize);
            return Ok(());
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // SAFETY: it is closed once.
        unsafe { ffi::ipc_receiver_close(self.0) }
    }
}

/// Belongs to the thread that opens it, too.
struct Sender(*mut c_void);

impl Sender {
    fn open(prefix: &str, name: &str, kind: u32) -> Result<Self, String> {
        open(ffi::ipc_sender_open, prefix, name, kind).map(Self)
    }

    /// Whether a receiver was connected that gets the message.
    fn send(&mut self, bytes: &[u8], timeout_ms: i32) -> Result<bool, String> {
        // SAFETY: the sender is open.
        match unsafe { ffi::ipc_sender_send(self.0, bytes.as_ptr(), bytes.len() as u32, timeout_ms) } {
            ffi::OK => Ok(true),
            ffi::NO_RECEIVERS => Ok(false),
            status => Err(text_of(status)),
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // SAFETY: it is closed once.
        unsafe { ffi::ipc_sender_close(self.0) }
    }
}

fn main() -> Result<(), String> {
    let prefix = std::env::args().nth(1).unwrap_or_default();
    // SAFETY: it may be called at any time.
    let version = unsafe { ffi::ipc_abi_version() };
    if version != ffi::ABI_VERSION {
        return Err(format!("the library has ABI {version}, and this program needs {}", ffi::ABI_VERSION));
    }
    let mut questions = Receiver::open(&prefix, "questions", ffi::QUEUE)?;
    let mut answers = Sender::open(&prefix, "answers", ffi::CHANNEL)?;
    let mut text = Vec::with_capacity(1024);
    loop {
        questions.recv(&mut text)?;
        if text.is_empty() {
            return Ok(());
        }
        text.make_ascii_uppercase();
        if !answers.send(&text, 5000)? {
            eprintln!("nobody waits for an answer");
        }
    }
}
