import ArgumentParser
import Gradus

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs the command and turns every error into one line on stderr and a documented exit code.
@main
enum Main {
  static func main() {
    // A reader that goes away (`gradus search ... | head`) ends the command quietly, as it does with other tools.
    signal(SIGPIPE, SIG_DFL)
    do {
      var command = try GradusCommand.parseAsRoot()
      try command.run()
    } catch let error as any GradusError {
      printToStandardError("gradus: \(error)")
      exit(error.failureKind.rawValue)
    } catch {
      let code = GradusCommand.exitCode(for: error)
      let message = GradusCommand.fullMessage(for: error)
      if code == .success {
        print(message)
        exit(0)
      }
      if !message.isEmpty { printToStandardError(message) }
      exit(code == .validationFailure ? FailureKind.usage.rawValue : FailureKind.failed.rawValue)
    }
  }
}

func printToStandardError(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(2, $0.baseAddress!, $0.count) }
}
