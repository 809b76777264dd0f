import ArgumentParser
import Gradus

/// The root of the command: `gradus SUBCOMMAND`.
struct GradusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gradus",
    abstract: "Retrieve, re-rank, train the ranker, evaluate.",
    discussion: """
      A first search, from nothing:

        gradus data build faq
        gradus index faq --out faq.index
        gradus search faq.index --query "how do I sort a hash by value"

      Files may be packed with gzip (.gz); '-' is standard input or output; --json is for machines.
      Exit codes: 0 done, 1 failed, 2 usage, 65 bad data (with file and line), 66 missing input.
      """,
    version: "gradus \(GradusVersion.current)",
    subcommands: [
      DoctorCommand.self,
      DataCommand.self,
      ModelsCommand.self,
      IndexCommand.self,
      ExportCommand.self,
      SearchCommand.self,
      DenseSearchCommand.self,
      SparseCommand.self,
      AnnCURCommand.self,
      RerankCommand.self,
      FuseCommand.self,
      PipelineCommand.self,
      TrainCommand.self,
      PretrainCommand.self,
      CurriculumCommand.self,
      LTRCommand.self,
      GenerateCommand.self,
      ReproduceCommand.self,
      ReportCommand.self,
      EvaluateCommand.self,
      ValidateCommand.self,
      BenchCommand.self,
      SystemsCommand.self,
    ])
}
