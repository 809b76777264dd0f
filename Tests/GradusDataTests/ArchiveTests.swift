import GradusCore
import GradusTestSupport
import Testing

@testable import GradusData

@Suite("Archives")
struct ArchiveTests {
  @Test("Chosen files are unpacked with their hashes", arguments: [ArchiveBuilder.Format.zip, .tarGzip])
  func extracts(format: ArchiveBuilder.Format) throws {
    let bytes = ArchiveBuilder.make(format, [("top/a.txt", Array("alpha".utf8)), ("top/deep/b.txt", []), ("other.txt", [1])])
    let folder = try TemporaryFolder.make()
    let files = try ArchiveExtractor.extract(.memory(bytes, name: "x"), to: folder) {
      $0.hasPrefix("top/") ? String($0.dropFirst(4)) : nil
    }
    #expect(files.map(\.path) == ["a.txt", "deep/b.txt"])
    #expect(files[0].sha256 == SHA256Digest.hex(of: Array("alpha".utf8)))
    #expect(try WholeFile.bytes(folder + "/a.txt") == Array("alpha".utf8))
    #expect(!FileStatus.isFile(folder + "/other.txt"))
  }

  @Test(
    "An entry that would leave the folder stops the unpacking",
    arguments: ["../escaped.txt", "a/../../escaped.txt", "/escaped.txt"])
  func refusesEscapes(path: String) throws {
    let bytes = ArchiveBuilder.make(.zip, [(path, [1])])
    let parent = try TemporaryFolder.make()
    let folder = parent + "/inner"
    try StagedFolder.makeFolder(folder)
    #expect(throws: ArchiveError.escapingEntry(archive: "x", entry: path)) {
      try ArchiveExtractor.extract(.memory(bytes, name: "x"), to: folder) { $0 }
    }
    #expect(!FileStatus.isFile(parent + "/escaped.txt") && !FileStatus.isFile("/escaped.txt"))
  }

  @Test("Paths that could mean another folder on any system are refused", arguments: ["", "..", "a/..", "/a", "a\\..\\b", "a\0b"])
  func refusesPaths(path: String) {
    #expect(!ArchiveExtractor.isContained(path))
    #expect(ArchiveExtractor.isContained("a/..b/c..d"))
  }

  @Test("A link in an archive cannot redirect a later file")
  func ignoresLinks() throws {
    let parent = try TemporaryFolder.make()
    let bytes = ArchiveBuilder.make(.tarGzip, [("data/x.txt", [1])], links: [("data", parent)])
    let folder = parent + "/inner"
    _ = try ArchiveExtractor.extract(.memory(bytes, name: "x"), to: folder) { $0 }
    #expect(try WholeFile.bytes(folder + "/data/x.txt") == [1])
    #expect(!FileStatus.isFile(parent + "/x.txt"))
  }

  @Test("A damaged or missing archive is an error")
  func refusesDamage() throws {
    let whole = ArchiveBuilder.make(.zip, [("a.txt", [UInt8](repeating: 1, count: 5000))])
    #expect(throws: ArchiveError.self) {
      try ArchiveReader.forEachEntry(of: .memory(Array(whole.prefix(20)), name: "cut")) { _ = try $0.bytes() }
    }
    #expect(throws: ArchiveError.self) { try ArchiveReader.forEachEntry(of: .memory([1, 2, 3, 4], name: "noise")) { _ in } }
    #expect(throws: FileError(.open, path: "/nowhere/x.zip", code: 2)) {
      try ArchiveReader.forEachEntry(of: .file("/nowhere/x.zip")) { _ in }
    }
  }

  @Test("A staged folder appears whole, replaces the old one, and leaves nothing after a failure")
  func stagesFolders() throws {
    struct Stop: Error {}
    let parent = try TemporaryFolder.make()
    let path = parent + "/set"
    try StagedFolder.fill(path) { try WholeFile.write("1", to: $0 + "/a") }
    try StagedFolder.fill(path) { try WholeFile.write("2", to: $0 + "/b") }
    #expect(FileStatus.names(in: path) == ["b"])
    #expect(throws: Stop.self) {
      try StagedFolder.fill(path) { staging in
        try WholeFile.write("3", to: staging + "/c")
        throw Stop()
      }
    }
    #expect(FileStatus.names(in: path) == ["b"])
    #expect(FileStatus.names(in: parent) == ["set"])
  }
}
