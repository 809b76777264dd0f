import ArgumentParser
import Gradus

extension VectorEncoding: ExpressibleByArgument {}
extension VectorMetric: ExpressibleByArgument {}
extension VectorResidency: ExpressibleByArgument {}

/// How vectors are stored and linked, the same wherever a vector index is made.
struct VectorStorageOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Numbers of the stored vectors: float32, bfloat16 or int8.", valueName: "encoding"))
  var encoding: VectorEncoding = .float32

  @Flag(help: "No graph: every search compares with all vectors.")
  var flat = false

  @Option(
    name: .customLong("M"), help: ArgumentHelp("Links of a vector on the upper levels; twice as many below.", valueName: "n"))
  var M = 16

  @Option(name: .customLong("efConstruction"), help: ArgumentHelp("Candidates for the links of a new vector.", valueName: "n"))
  var efConstruction = 200

  @Option(help: ArgumentHelp("Numbers that the graph is walked on: float32, bfloat16 or int8.", valueName: "encoding"))
  var traversal: VectorEncoding = .int8

  @Option(help: ArgumentHelp("Seed of the vectors' levels.", valueName: "n"))
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Megabytes for the graph, before another segment is begun.", valueName: "mb"))
  var memory = 4096

  func validate() throws {
    guard (2...256).contains(M) else { throw ValidationError("--M must be between 2 and 256, found \(M)") }
    guard (M...1 << 16).contains(efConstruction) else {
      throw ValidationError("--efConstruction must be between --M and 65536, found \(efConstruction)")
    }
    guard (1...1 << 20).contains(memory) else {
      throw ValidationError("--memory must be between 1 and \(1 << 20) megabytes, found \(memory)")
    }
  }

  func configuration(
    dimension: Int, metric: VectorMetric, encoder: EncoderFingerprint, columns: [MetadataColumn] = []
  ) -> VectorIndexConfiguration {
    VectorIndexConfiguration(
      dimension: dimension, metric: metric, encoding: encoding, encoder: encoder,
      graph: flat ? nil : HNSWOptions(M: M, efConstruction: efConstruction, seed: seed, traversal: traversal),
      columns: columns)
  }
}
