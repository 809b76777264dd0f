import GradusCore
@testable import GradusData

extension FuzzTarget {
  /// What documentation packages, archives and package indexes hold.
  static let pages = FuzzTarget("pages", maximumBytes: 4096) {
    try Workplace.fixtures("GradusDataTests/Fixtures/pages", suffix: ".html")
      + Workplace.fixtures("GradusDataTests/Fixtures/pages", suffix: ".pod")
      + [
        Array(#"{"files": [{"filename": "a-1.0-py3-none-any.whl", "url": "a.whl", "hashes": {"sha256": "00"}}]}"#.utf8),
        Array(##"<a href="https://e/a-1.0.whl#sha256=00">a</a>"##.utf8),
        [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 26), Array("!<arch>\ndebian-binary   ".utf8),
      ]
  } run: { input in
    let bytes = Array(input)
    _ = HTMLBlockReader().blocks(of: bytes)
    _ = PodParser.blocks(of: String(decoding: bytes, as: UTF8.self))
    attempt { _ = try PackageIndex.files(inPage: bytes, at: "http://localhost/a/") }
    attempt { try ArchiveReader.forEachEntry(of: .memory(bytes, name: "input")) { _ = try $0.bytes() } }
  }
}
