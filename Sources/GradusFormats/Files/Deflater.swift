import CZlib
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// Packs bytes into one gzip member without name and time stamp.
final class Deflater {
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 16)

  init(path: String, level: Int) throws(FileError) {
    stream.initialize(to: z_stream())
    // 16 + 15: gzip framing with the largest window; 8 is zlib's default memory level.
    let status = deflateInit2_(
      stream, Int32(min(9, max(1, level))), Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw FileError(.create, path: path, code: ENOMEM) }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
    output.deallocate()
  }

  func append(
    _ bytes: UnsafeRawBufferPointer, to sink: (UnsafeRawBufferPointer) throws(FileError) -> Void
  ) throws(FileError) {
    // zlib counts in 32 bits.
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      try pump(piece, Z_NO_FLUSH, to: sink)
      rest = rest.dropFirst(piece.count)
    }
  }

  func finish(to sink: (UnsafeRawBufferPointer) throws(FileError) -> Void) throws(FileError) {
    try pump(UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH, to: sink)
  }

  private func pump(
    _ bytes: UnsafeRawBufferPointer, _ flush: Int32, to sink: (UnsafeRawBufferPointer) throws(FileError) -> Void
  ) throws(FileError) {
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(bytes.count)
    repeat {
      stream.pointee.next_out = output.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_out = UInt32(output.count)
      deflate(stream, flush)
      try sink(UnsafeRawBufferPointer(rebasing: output[..<(output.count - Int(stream.pointee.avail_out))]))
    } while stream.pointee.avail_out == 0
  }
}
