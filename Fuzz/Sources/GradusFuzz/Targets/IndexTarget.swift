import Foundation
import GradusCore
@testable import GradusIndex
import GradusText

extension FuzzTarget {
  /// An index whose files are changed in places that the input names; then every checksum is made to fit, so that what
  /// stands behind the checksums is reached. A change is one byte for the file, two for the place, one for the value.
  ///
  /// With the first byte odd the rest takes the place of the manifest's JSON.
  static let index = FuzzTarget("index", maximumBytes: 1200, dictionary: "config") {
    var seeds: [[UInt8]] = [[0], [0, 0, 64, 0, 255], [0, 1, 64, 0, 1, 0, 70, 0, 7]]
    seeds.append([1] + original.manifest[(original.manifest.firstIndex(of: 0x0A)! + 1)...])
    return seeds
  } run: { input in
    guard let first = input.first else { return }
    var files = original
    if first & 1 == 1 {
      files.setManifest(Array(input.dropFirst()))
    } else {
      for start in stride(from: 1, to: input.count - 3, by: 4) {
        let isPostings = input[start] & 1 == 0
        let place = Int(input[start + 1]) | Int(input[start + 2]) << 8
        if isPostings {
          files.postings[place % files.postings.count] = input[start + 3]
        } else {
          files.documents[place % files.documents.count] = input[start + 3]
        }
      }
      IndexFiles.repairChecksums(&files.postings)
      IndexFiles.repairChecksums(&files.documents)
    }
    let path = "\(Workplace.folder)/index"
    mkdir(path, 0o700)
    Workplace.write(files.manifest, "index/manifest")
    Workplace.write(files.postings, "index/segment-1.postings")
    Workplace.write(files.documents, "index/segment-1.documents")
    let index = try InvertedIndex(path: path)
    for query in ["w0 w1 w2", "w3", "w1 w1 w9 w11 w40", "title"] {
      attempt { for document in try index.search(query, k: 5).documents { _ = try index.document(docno: document.docno) } }
      attempt { _ = try index.search(query, k: 1000, pruning: .exhaustive) }
      attempt { _ = try index.explain(query, docno: "d7919") }
      attempt { _ = try index.score(query, docnos: ["d7919", "d0", "none"]) }
    }
    for number in 0..<min(index.statistics.documents, 300) {
      attempt { _ = try index.document(DocIndex(number)) }
      attempt { _ = try index.docIndex(of: try index.docno(DocIndex(number))) }
      attempt { _ = try index.length(DocIndex(number)) }
    }
    attempt { try index.verify() }
  }

  /// 200 short documents: some terms have blocks of postings, some a few.
  private static let original: IndexFiles = {
    let path = "\(Workplace.folder)/original-index"
    var generator = SeededGenerator(seed: 5)
    let analyzer = AnalyzerConfiguration(language: "none", tokenization: .wordCharacters, minimumTokenLength: 1)
    let builder = try! IndexBuilder(directory: path, analyzer: analyzer, threads: 1)
    for number in 0..<200 {
      let words = (0..<8).map { _ in "w\(Int(45 * pow(generator.uniform(), 3)))" }.joined(separator: " ")
      try! builder.add(Document(docno: "d\(number * 7919 % 1_000_003)", title: number % 3 == 0 ? "title" : "", text: words))
    }
    _ = try! builder.finish()
    return IndexFiles(folder: path)
  }()
}

/// The bytes of an index.
private struct IndexFiles: Sendable {
  var manifest: [UInt8]
  var postings: [UInt8]
  var documents: [UInt8]

  init(folder: String) {
    func read(_ name: String) -> [UInt8] { [UInt8](FileManager.default.contents(atPath: "\(folder)/\(name)")!) }
    manifest = read("manifest")
    postings = read("segment-1.postings")
    documents = read("segment-1.documents")
  }

  mutating func setManifest(_ json: [UInt8]) {
    let checksum = String(json.withUnsafeBytes { CRC32C.checksum($0) }, radix: 16)
    manifest = Array("gradus-index \(IndexManifest.versions.upperBound) \(checksum) \(json.count)\n".utf8) + json
  }

  /// Makes the checksums of sections and table fit, where the table can be followed.
  static func repairChecksums(_ file: inout [UInt8]) {
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
