import CArchive

/// Makes small archives in memory for tests, with any path an attacker might choose.
enum ArchiveBuilder {
  enum Format { case zip, tarGzip }

  static func make(
    _ format: Format, _ entries: [(path: String, bytes: [UInt8])], links: [(path: String, target: String)] = []
  ) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 1 << 22)
    var used = 0
    let handle = archive_write_new()
    switch format {
    case .zip: archive_write_set_format_zip(handle)
    case .tarGzip:
      archive_write_set_format_gnutar(handle)
      archive_write_add_filter_gzip(handle)
    }
    buffer.withUnsafeMutableBytes { raw in
      archive_write_open_memory(handle, raw.baseAddress, raw.count, &used)
      for (path, target) in links {
        let entry = archive_entry_new()
        archive_entry_set_pathname(entry, path)
        archive_entry_set_filetype(entry, 0o120000)
        archive_entry_set_symlink(entry, target)
        archive_entry_set_perm(entry, 0o777)
        archive_write_header(handle, entry)
        archive_entry_free(entry)
      }
      for (path, bytes) in entries {
        let entry = archive_entry_new()
        archive_entry_set_pathname(entry, path)
        archive_entry_set_size(entry, Int64(bytes.count))
        archive_entry_set_filetype(entry, 0o100000)
        archive_entry_set_perm(entry, 0o644)
        archive_write_header(handle, entry)
        _ = bytes.withUnsafeBytes { archive_write_data(handle, $0.baseAddress, $0.count) }
        archive_entry_free(entry)
      }
      archive_write_close(handle)
      archive_write_free(handle)
    }
    return Array(buffer[..<used])
  }

  /// A Debian package: an `ar` archive of `debian-binary` and `data.tar.gz`.
  static func debianPackage(_ entries: [(path: String, bytes: [UInt8])]) -> [UInt8] {
    func member(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
      func field(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: width - text.count) }
      let (owner, mode, size) = (field("0", 6) + field("0", 6), field("100644", 8), field("\(bytes.count)", 10))
      let header = field(name, 16) + field("0", 12) + owner + mode + size
      return Array((header + "`\n").utf8) + bytes + (bytes.count % 2 == 1 ? [0x0A] : [])
    }
    let data = make(.tarGzip, entries.map { ("./" + $0.path, $0.bytes) })
    return Array("!<arch>\n".utf8) + member("debian-binary", Array("2.0\n".utf8)) + member("data.tar.gz", data)
  }
}
