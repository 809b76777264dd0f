#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// A new file that is written from front to back through a buffer, and counts as written only after ``finish()``.
///
/// Nothing refers to the file before the manifest does, so it carries its final name from the start.
final class AppendFile {
  let path: String
  /// Bytes written so far, buffered ones included.
  private(set) var count = 0
  private let calls: SystemCalls
  private var descriptor: Int32
  private let buffer: UnsafeMutableRawBufferPointer
  private var filled = 0

  init(path: String, calls: SystemCalls, bufferBytes: Int = 1 << 20) throws {
    self.path = path
    self.calls = calls
    descriptor = calls.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(.create, path: path, code: errno) }
    buffer = .allocate(byteCount: bufferBytes, alignment: 64)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    buffer.deallocate()
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    guard let base = bytes.baseAddress else { return }
    count += bytes.count
    if filled + bytes.count > buffer.count { try flush() }
    if bytes.count > buffer.count {
      try send(base, bytes.count)
    } else {
      (buffer.baseAddress! + filled).copyMemory(from: base, byteCount: bytes.count)
      filled += bytes.count
    }
  }

  func append<Value: BitwiseCopyable>(_ value: Value) throws {
    try withUnsafeBytes(of: value) { try append($0) }
  }

  /// Flushes to the disk and closes.
  func finish() throws {
    try flush()
    guard calls.fsync(descriptor) == 0 else { throw FileError(.sync, path: path, code: errno) }
    try closeDescriptor()
  }

  /// Closes without waiting for the disk: for temporary files.
  func finishTemporary() throws {
    try flush()
    try closeDescriptor()
  }

  private func closeDescriptor() throws {
    let status = close(descriptor)
    descriptor = -1
    guard status == 0 else { throw FileError(.write, path: path, code: errno) }
  }

  private func flush() throws {
    guard filled > 0 else { return }
    try send(buffer.baseAddress!, filled)
    filled = 0
  }

  private func send(_ bytes: UnsafeRawPointer, _ count: Int) throws {
    var done = 0
    while done < count {
      let written = calls.write(descriptor, bytes + done, count - done)
      if written < 0 {
        if errno == EINTR { continue }
        throw FileError(.write, path: path, code: errno)
      }
      done += written
    }
  }
}
