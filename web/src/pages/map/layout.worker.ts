import { type Ends, layOut } from './layout';

self.onmessage = (event: MessageEvent<{ ids: string[]; edges: Ends[] }>) => {
  self.postMessage(layOut(event.data.ids, event.data.edges));
};
