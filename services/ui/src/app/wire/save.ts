/** Has the browser save bytes that were fetched, under a name without folders. Nothing is shown as a page. */
export function saveAs(bytes: Blob, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun to save by then; the bytes may go.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
