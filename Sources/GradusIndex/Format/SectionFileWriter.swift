import GradusCore

/// Writes a segment file, section after section; `SectionFileLayout` has the layout.
///
///     let writer = try SectionFileWriter(path: path, kind: .documents, calls: .posix)
///     try writer.begin(.storedText)
///     try writer.append(bytes)
///     let size = try writer.finish()
final class SectionFileWriter {
  private let file: AppendFile
  private let kind: SectionFileLayout.Kind
  private var table: [(section: Section, checksum: UInt32, offset: Int, count: Int)] = []

  init(path: String, kind: SectionFileLayout.Kind, calls: SystemCalls) throws {
    self.kind = kind
    file = try AppendFile(path: path, calls: calls)
    try appendHeader(to: file)
  }

  var path: String { file.path }

  /// Bytes of the section that is being written.
  var sectionCount: Int { file.count - (table.last?.offset ?? 0) }

  /// Ends the section before and starts another.
  func begin(_ section: Section) throws {
    endSection()
    let padding = (SectionFileLayout.alignment - file.count % SectionFileLayout.alignment) % SectionFileLayout.alignment
    try appendZeros(padding, to: file)
    table.append((section, 0, file.count, 0))
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    table[table.count - 1].checksum = CRC32C.checksum(bytes, from: table[table.count - 1].checksum)
    try file.append(bytes)
  }

  func append<Value: FixedWidthInteger & BitwiseCopyable>(_ values: [Value]) throws {
    // Every supported machine is little-endian, as the format is.
    try values.withUnsafeBytes { try append($0) }
  }

  /// Writes the table, flushes to the disk and closes.
  ///
  /// - Returns: The size of the file in bytes.
  func finish() throws -> Int {
    endSection()
    let offset = file.count
    var entries: [UInt8] = []
    func put<Value: FixedWidthInteger>(_ value: Value) {
      withUnsafeBytes(of: value.littleEndian) { entries.append(contentsOf: $0) }
    }
    for entry in table {
      put(entry.section.rawValue)
      put(entry.checksum)
      put(UInt64(entry.offset))
      put(UInt64(entry.count))
    }
    put(UInt64(offset))
    put(UInt32(table.count))
    var checksum = header().withUnsafeBytes { CRC32C.checksum($0) }
    checksum = entries.withUnsafeBytes { CRC32C.checksum($0, from: checksum) }
    put(checksum)
    put(SectionFileLayout.endMagic)
    try entries.withUnsafeBytes { try file.append($0) }
    try file.finish()
    return file.count
  }

  /// The same.
  ///
  /// - Returns: What a manifest lists of the file.
  func close() throws -> IndexManifest.File {
    IndexManifest.File(name: path.split(separator: "/").last.map(String.init) ?? path, bytes: try finish())
  }

  private func endSection() {
    guard !table.isEmpty else { return }
    table[table.count - 1].count = file.count - table[table.count - 1].offset
  }

  private func header() -> [UInt8] {
    var bytes: [UInt8] = []
    withUnsafeBytes(of: SectionFileLayout.magic) { bytes.append(contentsOf: $0) }
    withUnsafeBytes(of: UInt32(SectionFileLayout.version).littleEndian) { bytes.append(contentsOf: $0) }
    withUnsafeBytes(of: kind.rawValue.littleEndian) { bytes.append(contentsOf: $0) }
    return bytes
  }

  private func appendHeader(to file: AppendFile) throws {
    try header().withUnsafeBytes { try file.append($0) }
  }

  private func appendZeros(_ count: Int, to file: AppendFile) throws {
    try [UInt8](repeating: 0, count: count).withUnsafeBytes { try file.append($0) }
  }
}
