#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// An open file descriptor that closes itself; the system calls that may be interrupted are tried again.
final class Descriptor {
  let number: Int32
  let path: String
  private let closesItself: Bool

  /// Opens for reading; `-` is standard input.
  init(reading path: String) throws(FileError) {
    self.path = path
    guard path != "-" else {
      number = STDIN_FILENO
      closesItself = false
      return
    }
    number = open(path, O_RDONLY | O_CLOEXEC)
    closesItself = true
    guard number >= 0 else { throw FileError(.open, path: path, code: errno) }
  }

  init(adopting number: Int32, path: String, closesItself: Bool) {
    self.number = number
    self.path = path
    self.closesItself = closesItself
  }

  deinit {
    if closesItself, number >= 0 { close(number) }
  }

  /// The part of a regular file that has been read, 0 to 1; nil for pipes, devices and empty files.
  var partRead: Double? {
    var status = stat()
    guard fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 else { return nil }
    let position = lseek(number, 0, SEEK_CUR)
    return position >= 0 ? min(1, Double(position) / Double(status.st_size)) : nil
  }

  /// At most `buffer.count` bytes; 0 at the end of the file.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    while true {
      #if canImport(Glibc)
      let count = Glibc.read(number, buffer.baseAddress, buffer.count)
      #elseif canImport(Musl)
      let count = Musl.read(number, buffer.baseAddress, buffer.count)
      #else
      let count = Darwin.read(number, buffer.baseAddress, buffer.count)
      #endif
      if count >= 0 { return count }
      guard errno == EINTR else { throw FileError(.read, path: path, code: errno) }
    }
  }

  func writeAll(_ buffer: UnsafeRawBufferPointer) throws(FileError) {
    var rest = buffer[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest)
      #if canImport(Glibc)
      let count = Glibc.write(number, piece.baseAddress, piece.count)
      #elseif canImport(Musl)
      let count = Musl.write(number, piece.baseAddress, piece.count)
      #else
      let count = Darwin.write(number, piece.baseAddress, piece.count)
      #endif
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw FileError(.write, path: path, code: errno)
      }
    }
  }
}
