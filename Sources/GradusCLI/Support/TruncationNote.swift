/// What a summary's last words say of documents that were cut; nothing where none were.
func truncationNote(_ documents: Int) -> String {
  documents > 0 ? "; \(documents.grouped) documents were longer than the model reads" : ""
}
