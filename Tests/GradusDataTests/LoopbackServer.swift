import GradusCore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A web server on 127.0.0.1 for tests: fixed answers, byte ranges, connections that break off.
///
/// One thread answers one request after the other until ``stop()``.
final class LoopbackServer: Sendable {
  struct Answer: Sendable {
    var status = 200
    var type = "application/octet-stream"
    var body: [UInt8] = []
    /// The connection is closed after so many bytes of the body, once.
    var breaksAfter: Int?
  }

  private struct State {
    var answers: [String: Answer]
    var requests: [String] = []
    var isStopped = false
  }

  private let listener: Int32
  let port: UInt16
  private let state: Guarded<State>

  var address: String { "http://127.0.0.1:\(port)" }
  /// `GET /path` with the range where one was asked for, in order.
  var requests: [String] { state.withLock { $0.requests } }

  init(_ answers: [String: Answer] = [:]) throws {
    #if canImport(Glibc)
    let kind = Int32(SOCK_STREAM.rawValue)
    #else
    let kind = SOCK_STREAM
    #endif
    listener = socket(AF_INET, kind, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(listener, generic, length) == 0 && listen(listener, 8) == 0 && getsockname(listener, generic, &length) == 0
      }
    }
    guard listener >= 0, bound else { throw ServerError.cannotListen(errno) }
    port = UInt16(bigEndian: address.sin_port)
    state = Guarded(State(answers: answers))
    let context = Unmanaged.passRetained(self).toOpaque()
    #if canImport(Glibc)
    var thread = pthread_t()
    #else
    var thread: pthread_t?
    #endif
    guard pthread_create(&thread, nil, serverEntry, context) == 0 else { throw ServerError.cannotListen(errno) }
  }

  enum ServerError: Error { case cannotListen(Int32) }

  func set(_ path: String, _ answer: Answer) { state.withLock { $0.answers[path] = answer } }

  func stop() {
    state.withLock { $0.isStopped = true }
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  fileprivate func run() {
    while true {
      let connection = accept(listener, nil, nil)
      if state.withLock({ $0.isStopped }) || connection < 0 { return }
      answer(connection)
      close(connection)
    }
  }

  private func answer(_ connection: Int32) {
    var request: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 4096)
    while request.count < 1 << 16, !String(decoding: request, as: UTF8.self).contains("\r\n\r\n") {
      let count = recv(connection, &block, block.count, 0)
      if count <= 0 { return }
      request += block[..<count]
    }
    let lines = String(decoding: request, as: UTF8.self).split(separator: "\r\n").map(String.init)
    let words = lines[0].split(separator: " ")
    guard words.count >= 2 else { return }
    let path = String(words[1])
    let range = lines.first { $0.lowercased().hasPrefix("range: bytes=") }.map { String($0.dropFirst("range: bytes=".count)) }
    let answer = state.withLock { state in
      state.requests.append("\(words[0]) \(path)" + (range.map { " " + $0 } ?? ""))
      let answer = state.answers[path]
      state.answers[path]?.breaksAfter = nil
      return answer ?? Answer(status: 404)
    }
    let start = answer.status == 200 ? range.flatMap { Int($0.prefix { $0 != "-" }) } ?? 0 : 0
    if start > 0 && start >= answer.body.count {
      send("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", to: connection)
      return
    }
    let body = Array(answer.body[start...])
    var head = "HTTP/1.1 \(start > 0 ? 206 : answer.status) X\r\nContent-Type: \(answer.type)\r\n"
    head += "Content-Length: \(body.count)\r\n"
    if start > 0 { head += "Content-Range: bytes \(start)-\(answer.body.count - 1)/\(answer.body.count)\r\n" }
    send(head + "Connection: close\r\n\r\n", to: connection)
    send(bytes: Array(body.prefix(answer.breaksAfter ?? body.count)), to: connection)
  }

  private func send(_ text: String, to connection: Int32) { send(bytes: Array(text.utf8), to: connection) }

  private func send(bytes: [UInt8], to connection: Int32) {
    var done = 0
    while done < bytes.count {
      #if canImport(Glibc)
      let flags = Int32(MSG_NOSIGNAL)
      #else
      let flags: Int32 = 0
      #endif
      let count = bytes[done...].withUnsafeBytes { systemSend(connection, $0, flags) }
      if count <= 0 { return }
      done += count
    }
  }
}

private func systemSend(_ connection: Int32, _ bytes: UnsafeRawBufferPointer, _ flags: Int32) -> Int {
  send(connection, bytes.baseAddress, bytes.count, flags)
}

#if canImport(Glibc)
private func serverEntry(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  Unmanaged<LoopbackServer>.fromOpaque(argument).takeRetainedValue().run()
  return nil
}
#else
private func serverEntry(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
  Unmanaged<LoopbackServer>.fromOpaque(argument).takeRetainedValue().run()
  return nil
}
#endif
