import GradusCore

/// A two-dimensional array of float32 in NumPy's format (`.npy`, versions 1 to 3), row-major, little-endian.
///
///     let vectors = try NpyFile(path: "vectors.npy")
///     let first = vectors.row(0)
public struct NpyFile: Sendable {
  public let path: String
  public let rows: Int
  public let columns: Int
  private let file: MappedFile
  private let start: Int

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Maps a file and reads its header.
  ///
  /// - Throws: ``NpyError``, `FileError`.
  public init(path: String) throws {
    self.path = path
    let file = try MappedFile(path: path)
    let bytes = file.bytes
    guard bytes.count >= 12, bytes.starts(with: Self.magic), (1...3).contains(bytes[6]) else {
      throw NpyError(path: path, reason: "no NumPy array (.npy)")
    }
    let isLong = bytes[6] > 1
    let length = isLong
      ? Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
      : Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
    start = (isLong ? 12 : 10) + length
    guard start <= bytes.count else { throw NpyError(path: path, reason: "the header is cut short") }
    let header = String(decoding: bytes[(isLong ? 12 : 10)..<start], as: UTF8.self).filter { $0 != " " && $0 != "\n" }
    guard header.contains("'descr':'<f4'"), header.contains("'fortran_order':False") else {
      throw NpyError(path: path, reason: "expected little-endian float32 in C order, found \(header)")
    }
    // The shape is the only tuple of such a header.
    guard let open = header.firstIndex(of: "("), let close = header.firstIndex(of: ")"), open < close else {
      throw NpyError(path: path, reason: "the header names no shape")
    }
    let shape = header[header.index(after: open)..<close].split(separator: ",").map { Int($0) }
    guard shape.count == 2, let rows = shape[0], let columns = shape[1], rows >= 0, columns >= 0,
      columns == 0 || rows <= (Int.max / 4) / columns
    else { throw NpyError(path: path, reason: "expected two dimensions, found \(header[open...close])") }
    guard bytes.count - start == 4 * rows * columns else {
      throw NpyError(
        path: path, reason: "\(rows) x \(columns) numbers need \(4 * rows * columns) bytes, found \(bytes.count - start)")
    }
    self.rows = rows
    self.columns = columns
    self.file = file
  }

  /// A copy of a row. O(columns).
  public func row(_ number: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: columns) { buffer, used in
      let from = start + 4 * number * columns
      let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[from..<from + 4 * columns])
      UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
      used = columns
    }
  }

  /// Writes rows of equal length.
  ///
  /// - Throws: `FileError`.
  public static func write(_ rows: [[Float]], to path: String) throws {
    let columns = rows.first?.count ?? 0
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows.count), \(columns)), }"
    header += String(repeating: " ", count: (64 - (11 + header.utf8.count) % 64) % 64) + "\n"
    let file = try OutputFile(path: path)
    let length = header.utf8.count
    try file.write(magic)
    try file.write([1, 0, UInt8(length & 255), UInt8(length >> 8)])
    try file.write(Array(header.utf8))
    for row in rows { try row.withUnsafeBytes { try file.write($0) } }
    try file.commit()
  }
}

/// A file that is no array of vectors.
public struct NpyError: GradusError, Equatable {
  public let path: String
  public let reason: String

  public var failureKind: FailureKind { .badData }
  public var description: String { "\(path): \(reason)" }
}
