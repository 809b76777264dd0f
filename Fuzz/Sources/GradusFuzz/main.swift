import CGradusFuzz
import Foundation

// gradus-fuzz list                      names of the targets
// gradus-fuzz seeds TARGET FOLDER       writes what a target is fed to begin with
// gradus-fuzz TARGET FLAG... FOLDER...  libFuzzer on the target; a file instead of a folder runs that one input

/// The target of this process; libFuzzer's callback can capture nothing.
nonisolated(unsafe) var chosen: FuzzTarget?

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("gradus-fuzz: \(message)\n".utf8))
  exit(2)
}

func target(_ name: String) -> FuzzTarget {
  guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
    fail("'\(name)' is no target; known are \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
  }
  return target
}

let arguments = CommandLine.arguments
switch arguments.count > 1 ? arguments[1] : "" {
case "list":
  for target in FuzzTarget.all { print(target.name, target.maximumBytes, target.dictionary ?? "-") }
case "seeds" where arguments.count == 4:
  for (number, seed) in try target(arguments[2]).seeds().enumerated() {
    try Data(seed).write(to: URL(fileURLWithPath: "\(arguments[3])/seed-\(number)"))
  }
case "":
  fail("which target? known are \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
default:
  chosen = target(arguments[1])
  grd_fuzz_copy_mappings()
  var count = Int32(arguments.count - 1)
  var pointers: [UnsafeMutablePointer<CChar>?] = ([arguments[0]] + arguments.dropFirst(2)).map { strdup($0) } + [nil]
  pointers.withUnsafeMutableBufferPointer { buffer in
    var base = buffer.baseAddress
    _ = LLVMFuzzerRunDriver(&count, &base) { data, size in
      let input = UnsafeBufferPointer(start: data, count: size)
      attempt { try chosen?.run(input) }
      return 0
    }
  }
}
