/** The first file of the page: asks for what it will show, then for the rest of the code. */

import '@mantine/core/styles.css';
import '@mantine/spotlight/styles.css';
import './app.css';
import { askAhead } from './api/ahead';

askAhead(window.location);
void import('./app');
