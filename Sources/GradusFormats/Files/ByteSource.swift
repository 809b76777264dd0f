import CZlib
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// The bytes of a file or of standard input, unpacked where they are gzip.
///
/// Concatenated gzip members read as one text, as `gzip -dc` does; zero bytes after the last member are padding.
final class ByteSource {
  private static let capacity = 1 << 18

  let path: String
  private let descriptor: Descriptor
  private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: ByteSource.capacity, alignment: 16)
  /// The part of `input` that has been read from the file and not yet handed over.
  private var pending = 0..<0
  private var fileEnded = false
  private let isGzip: Bool
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private var isInsideMember = false

  init(path: String) throws {
    self.path = path
    descriptor = try Descriptor(reading: path)
    stream.initialize(to: z_stream())
    // Four bytes tell the compression; a pipe may hand them over one by one.
    var count = 0
    while count < 4 {
      let read = try descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: input[count...]))
      if read == 0 {
        fileEnded = true
        break
      }
      count += read
    }
    pending = 0..<count
    let magic = Array(input[0..<min(4, count)])
    isGzip = magic.starts(with: [0x1F, 0x8B])
    if let program = Self.otherCompression(magic) {
      throw GzipError(path: path, reason: .otherCompression(program))
    }
    guard isGzip || !path.hasSuffix(".gz") else {
      throw GzipError(path: path, reason: count == 0 ? .truncated : .notGzip)
    }
    if isGzip {
      // 16 + 15: gzip framing with the largest window.
      guard inflateInit2_(stream, 16 + 15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
        throw FileError(.read, path: path, code: ENOMEM)
      }
      isInsideMember = true
    }
  }

  deinit {
    if isGzip { inflateEnd(stream) }
    stream.deallocate()
    input.deallocate()
  }

  /// The part of the file that has been read, 0 to 1; nil for pipes.
  var partRead: Double? { descriptor.partRead }

  /// Fills some of `buffer` and returns how much; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if isGzip { return try inflate(into: buffer) }
    if !pending.isEmpty {
      let count = min(pending.count, buffer.count)
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[pending.prefix(count)]))
      pending = (pending.lowerBound + count)..<pending.upperBound
      return count
    }
    return fileEnded ? 0 : try descriptor.read(into: buffer)
  }

  private func inflate(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let output = buffer.bindMemory(to: UInt8.self)
    while true {
      if pending.isEmpty, !fileEnded { try refill() }
      if !isInsideMember {
        guard try startsAnotherMember() else { return 0 }
      }
      stream.pointee.next_in = input.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self) + pending.lowerBound
      stream.pointee.avail_in = UInt32(pending.count)
      stream.pointee.next_out = output.baseAddress
      stream.pointee.avail_out = UInt32(output.count)
      let status = CZlib.inflate(stream, Z_NO_FLUSH)
      pending = (pending.upperBound - Int(stream.pointee.avail_in))..<pending.upperBound
      let produced = output.count - Int(stream.pointee.avail_out)
      switch status {
      case Z_STREAM_END: isInsideMember = false
      case Z_OK, Z_BUF_ERROR:
        if produced == 0, pending.isEmpty, fileEnded { throw GzipError(path: path, reason: .truncated) }
      default: throw GzipError(path: path, reason: .corrupt)
      }
      if produced > 0 { return produced }
    }
  }

  /// Between members: true where another gzip member follows, false at the end of the file.
  private func startsAnotherMember() throws -> Bool {
    while true {
      while let first = pending.first, input[first] == 0 { pending = (first + 1)..<pending.upperBound }
      if pending.count >= 2 || fileEnded { break }
      try refill()
    }
    if pending.isEmpty { return false }
    guard pending.count >= 2, input[pending.lowerBound] == 0x1F, input[pending.lowerBound + 1] == 0x8B else {
      throw GzipError(path: path, reason: .trailingBytes)
    }
    inflateReset(stream)
    isInsideMember = true
    return true
  }

  private func refill() throws(FileError) {
    let rest = UnsafeRawBufferPointer(rebasing: input[pending])
    input.copyMemory(from: rest)
    let count = try descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: input[rest.count...]))
    if count == 0 { fileEnded = true }
    pending = 0..<(rest.count + count)
  }

  private static func otherCompression(_ magic: [UInt8]) -> String? {
    if magic.starts(with: [0x1F, 0x9D]) { return "compress (.Z)" }
    if magic.starts(with: Array("BZh".utf8)) { return "bzip2" }
    if magic.starts(with: [0xFD, 0x37, 0x7A, 0x58]) { return "xz" }
    if magic.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) { return "zstd" }
    return nil
  }
}
