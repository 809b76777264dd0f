import Foundation
@testable import GradusIndex

/// The files of an index of any kind, changed in places that an input names; then every checksum is made to fit, so that what
/// stands behind the checksums is reached.
///
/// With the first byte of the input odd, the rest takes the place of the manifest's JSON. Otherwise a change is one byte for the
/// file, two for the place, one for the value.
struct ChangedIndex: Sendable {
  private let original: Files

  /// - Parameter build: Makes the index in a folder.
  init(_ name: String, build: (String) throws -> Void) {
    let path = "\(Workplace.folder)/original-\(name)"
    do {
      try build(path)
    } catch {
      fatalError("the index to be changed cannot be made: \(error)")
    }
    original = Files(folder: path)
  }

  /// What the fuzzer is given to begin with.
  var seeds: [[UInt8]] {
    var seeds: [[UInt8]] = [[0]]
    for number in original.files.indices.map(UInt8.init) {
      seeds += [[0, number, 64, 0, 255], [0, number, 64, 0, 1, number, 200, 1, 7]]
    }
    return seeds + [[1] + original.manifest[(original.manifest.firstIndex(of: 0x0A)! + 1)...]]
  }

  /// Writes the changed index, and gives its folder; nil for an input without a byte.
  func write(_ name: String, changedBy input: UnsafeBufferPointer<UInt8>) -> String? {
    guard let first = input.first else { return nil }
    var files = original
    if first & 1 == 1 {
      files.setManifest(Array(input.dropFirst()))
    } else {
      for start in stride(from: 1, to: input.count - 3, by: 4) {
        let number = Int(input[start]) % files.files.count
        let place = Int(input[start + 1]) | Int(input[start + 2]) << 8
        files.files[number].bytes[place % files.files[number].bytes.count] = input[start + 3]
      }
      for number in files.files.indices { Self.repairChecksums(&files.files[number].bytes) }
    }
    let path = "\(Workplace.folder)/\(name)"
    mkdir(path, 0o700)
    Workplace.write(files.manifest, "\(name)/manifest")
    for file in files.files { Workplace.write(file.bytes, "\(name)/\(file.name)") }
    return path
  }

  private struct Files: Sendable {
    var manifest: [UInt8]
    var files: [(name: String, bytes: [UInt8])]

    init(folder: String) {
      func read(_ name: String) -> [UInt8] { [UInt8](FileManager.default.contents(atPath: "\(folder)/\(name)")!) }
      let names = try! FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      manifest = read("manifest")
      files = names.filter { $0.hasPrefix("segment-") }.map { ($0, read($0)) }
    }

    /// Puts the kind and version of the manifest before a text.
    mutating func setManifest(_ json: [UInt8]) {
      let line = String(decoding: manifest.prefix { $0 != 0x0A }, as: UTF8.self).split(separator: " ").prefix(2)
      let checksum = String(json.withUnsafeBytes { CRC32C.checksum($0) }, radix: 16)
      manifest = Array("\(line.joined(separator: " ")) \(checksum) \(json.count)\n".utf8) + json
    }
  }

  /// Makes the checksums of sections and table fit, where the table can be followed.
  private static func repairChecksums(_ file: inout [UInt8]) {
    typealias Layout = SectionFileLayout
    let trailer = file.count - Layout.trailerBytes
    let (table, count) = file.withUnsafeBytes { ($0.number(UInt64.self, at: trailer), $0.number(UInt32.self, at: trailer + 8)) }
    guard table <= trailer, Int(count) * Layout.entryBytes <= trailer - Int(table) else { return }
    func store(_ checksum: UInt32, at place: Int) {
      withUnsafeBytes(of: checksum.littleEndian) { file.replaceSubrange(place..<place + 4, with: $0) }
    }
    for entry in stride(from: Int(table), to: Int(table) + Int(count) * Layout.entryBytes, by: Layout.entryBytes) {
      let (offset, length) = file.withUnsafeBytes {
        ($0.number(UInt64.self, at: entry + 8), $0.number(UInt64.self, at: entry + 16))
      }
      guard offset <= table, length <= table - offset else { continue }
      let range = Int(offset)..<Int(offset + length)
      store(file.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[range])) }, at: entry + 4)
    }
    let checksum = file.withUnsafeBytes { bytes in
      let head = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[0..<Layout.headerBytes]))
      return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[Int(table)..<trailer + 12]), from: head)
    }
    store(checksum, at: trailer + 12)
  }
}
